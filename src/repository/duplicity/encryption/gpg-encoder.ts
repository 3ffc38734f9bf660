import { AppError } from '../../../base/errors.ts';
import type { Program, ProgramEnd } from '../../../base/process.ts';
import type { ByteEncoder, ByteSink } from '../../../codec/byte-encoder.ts';
import { drained, give } from './program-pipes.ts';

/**
 * More than what pipes (twice some 200 KiB), gpg's buffers and its compressor keep to themselves: what was written and has not come out yet becomes at
 * most so many bytes.
 */
const underWay = 1 << 20;
/** Keys, signatures and headers. */
const beside = 1 << 16;

/** Sends what is written through a gpg that encrypts. */
export class GpgEncoder implements ByteEncoder {
  readonly #program: Program;
  readonly #sink: ByteSink;
  readonly #failureAt: (end: ProgramEnd) => AppError | undefined;
  readonly #passedOn: Promise<void>;
  #written = 0;
  #received = 0;
  #failure: { readonly error: unknown } | undefined;
  #isFinished = false;

  /** `failureAt` tells what went wrong when the program has ended. */
  constructor(
    program: Program,
    sink: ByteSink,
    failureAt: (end: ProgramEnd) => AppError | undefined,
  ) {
    this.#program = program;
    this.#sink = sink;
    this.#failureAt = failureAt;
    this.#passedOn = this.#passOn();
  }

  /** Holds unless options make gpg write text instead of bytes. The program cannot be asked how far it is, so this is up to 1 MiB too high. */
  get sizeBound(): number {
    if (this.#isFinished) return this.#received;
    const atMost = this.#written + (this.#written >> 6) + beside;
    return Math.min(atMost, this.#received + this.#program.input.writableLength + underWay);
  }

  async write(plain: Uint8Array): Promise<void> {
    this.#demandUsable();
    this.#written += plain.length;
    if (await give(this.#program.input, plain)) return;
    await this.#end();
    throw this.#fail(new AppError('process/failed', `"${this.#program.name}" stopped reading`));
  }

  async settle(): Promise<void> {
    this.#demandUsable();
    await drained(this.#program.input);
  }

  async finish(): Promise<void> {
    this.#demandUsable();
    this.#program.input.end();
    await this.#end();
    this.#isFinished = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#failure ??= { error: new AppError('internal', 'The encoder was given up') };
    await this.#program[Symbol.asyncDispose]();
    await this.#passedOn;
  }

  async #passOn(): Promise<void> {
    try {
      for await (const piece of this.#program.output as AsyncIterable<Uint8Array>) {
        if (this.#failure !== undefined) break;
        await this.#sink(piece);
        this.#received += piece.length;
      }
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  /** Waits for the program to end; throws if something went wrong. */
  async #end(): Promise<void> {
    await this.#passedOn;
    let end: ProgramEnd;
    try {
      end = await this.#program.ended;
    } catch (error) {
      throw this.#fail(error);
    }
    this.#demandSound();
    const failure = this.#failureAt(end);
    if (failure !== undefined) throw this.#fail(failure);
  }

  #fail(error: unknown): unknown {
    this.#failure ??= { error };
    return error;
  }

  #demandUsable(): void {
    this.#demandSound();
    if (this.#isFinished) throw new AppError('internal', 'The encoder is finished already');
  }

  #demandSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
