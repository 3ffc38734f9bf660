import type { Secret } from '../../../base/secret.ts';
import { isSameStretching, type Stretched, stretch, type Stretching } from './stretching.ts';

/**
 * A passphrase that is made a key before the slot is there, with what this machine remembers of it: the way to a storage that is far
 * away, and back, takes about as long. It is of use only if the slot says the same.
 */
export class StretchedAhead {
  readonly #passphrase: Secret;
  readonly #stretching: Stretching;
  readonly #result: Promise<Stretched>;

  /** Begins. */
  constructor(passphrase: Secret, stretching: Stretching) {
    this.#passphrase = passphrase;
    this.#stretching = stretching;
    this.#result = stretch(passphrase, stretching);
    this.#result.catch(() => undefined); // whoever needs it meets its failure
  }

  /** `undefined` if something else was begun. */
  keyFor(passphrase: Secret, wanted: Stretching): Promise<Stretched> | undefined {
    const isSame =
      isSameStretching(this.#stretching, wanted) &&
      passphrase.reveal() === this.#passphrase.reveal();
    return isSame ? this.#result : undefined;
  }
}
