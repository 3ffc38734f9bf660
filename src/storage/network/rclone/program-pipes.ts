import { Duplex } from 'node:stream';

import type { Program } from '../../../base/process.ts';

/**
 * Standard input and output of a program as one stream, for a session of HTTP/2. When the program closes its output, or ends, this is destroyed: an `end` would
 * make Node shut down its side of the session, and what the session still has to say then fails an assertion of Node's, which nobody can catch
 * (`JSStreamSocket.doWrite`).
 */
export class ProgramPipes extends Duplex {
  readonly #program: Program;

  constructor(program: Program) {
    super();
    this.#program = program;
    const { input, output } = program;
    output.on('data', (piece: Buffer) => {
      if (!this.push(piece)) output.pause();
    });
    output.pause();
    const gone = (): void => void this.destroy();
    for (const stream of [input, output]) stream.once('error', gone).once('close', gone);
    output.once('end', gone);
  }

  override _read(): void {
    this.#program.output.resume();
  }

  override _write(
    piece: Buffer,
    _encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    this.#program.input.write(piece, done);
  }

  override _final(done: () => void): void {
    this.#program.input.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#program.input.destroy();
    this.#program.output.destroy();
    done(error);
  }
}
