import { readFile } from 'node:fs/promises';

import type { CallOptions } from '../base/call-options.ts';
import { AppError } from '../base/errors.ts';
import { fileReason } from '../base/file-reason.ts';
import { failureOf, runProgram } from '../base/process.ts';
import { Secret } from '../base/secret.ts';

/** Where a secret is kept instead of being written out: `password-file=PATH`, `password-command=COMMAND`. */
export class IndirectSecret {
  readonly kind: 'file' | 'command';
  readonly #text: string;

  constructor(kind: 'file' | 'command', text: string) {
    this.kind = kind;
    this.#text = text;
  }

  /**
   * The first line of the file, or of what the command prints. A command is the user's own text and goes to `/bin/sh`. Throws
   * `input/usage` when there is nothing to be had; `option` is named in the error.
   */
  async resolve(option: string, { signal }: CallOptions = {}): Promise<Secret> {
    const bytes =
      this.kind === 'file'
        ? await this.#read(option, { signal })
        : await this.#run(option, { signal });
    const secret = /^[^\r\n]*/u.exec(bytes.toString('utf8'))?.[0] ?? '';
    if (secret !== '') return new Secret(secret);
    throw new AppError(
      'input/usage',
      this.kind === 'file'
        ? `The file "${this.#text}" for the option "${option}" is empty`
        : `The command for the option "${option}" printed nothing`,
    );
  }

  async #read(option: string, options: CallOptions): Promise<Buffer> {
    try {
      return await readFile(this.#text, options);
    } catch (cause) {
      options.signal?.throwIfAborted();
      throw new AppError(
        'input/usage',
        `Cannot read the file "${this.#text}" for the option "${option}": ${fileReason(cause)}`,
        { cause },
      );
    }
  }

  async #run(option: string, options: CallOptions): Promise<Buffer> {
    const result = await runProgram(['/bin/sh', '-c', this.#text], options);
    const failure = failureOf(result);
    if (failure === undefined) return result.output;
    throw new AppError('input/usage', `The command for the option "${option}" failed: ${failure}`);
  }
}
