import { StringDecoder } from 'node:string_decoder';

import type { MaskStream, SecretMask } from './mask-secrets.ts';

/** How many characters of the output of a step are kept. */
export const KEPT_OUTPUT = 65_536;

/** The last of what a program prints, with secrets masked and without what would move a terminal. */
export class KeptOutput {
  readonly #decoder = new StringDecoder('utf8');
  readonly #masked: MaskStream;
  #kept = '';
  #isCut = false;

  constructor(mask: SecretMask) {
    this.#masked = mask.stream();
  }

  push(piece: Buffer | string): void {
    this.#keep(this.#masked.push(typeof piece === 'string' ? piece : this.#decoder.write(piece)));
  }

  /** Ends it. Lines as they were printed; begins with `…` if there were more. */
  end(): string {
    this.#keep(this.#masked.push(this.#decoder.end()) + this.#masked.end());
    const text = this.#kept
      .slice(-KEPT_OUTPUT)
      // Of a line that was written over, what was seen last.
      .replaceAll(/[^\n]*\r(?!\n)(?=[^\n])/gu, '')
      // eslint-disable-next-line no-control-regex
      .replaceAll(/\u001B\[[0-9;?]*[A-Za-z]|[\u0000-\u0008\u000B-\u001F\u007F]/gu, '');
    return this.#isCut || this.#kept.length > KEPT_OUTPUT ? `…${text}` : text;
  }

  #keep(text: string): void {
    this.#kept += text;
    // Cut now and then, not for every piece.
    if (this.#kept.length < 2 * KEPT_OUTPUT) return;
    this.#kept = this.#kept.slice(-KEPT_OUTPUT);
    this.#isCut = true;
  }
}
