import type { CallOptions } from '../../../base/call-options.ts';
import { concatBytes } from '../../../base/bytes.ts';
import { type DigestAlgorithm, Digests, type FoundDigests } from './digests.ts';
import type { FilePart } from './file-part.ts';
import type { InspectThread } from './inspect-thread.ts';

/** Digests of bytes of which the first ones, if there are many, come to lie in a temporary file: another thread reads them there, while more are written. */
export class GrowingDigests implements Disposable {
  readonly #algorithms: readonly DigestAlgorithm[];
  readonly #thread: InspectThread;
  #task: number | undefined;

  constructor(algorithms: readonly DigestAlgorithm[], thread: InspectThread) {
    this.#algorithms = algorithms;
    this.#thread = thread;
  }

  /** The next bytes. They have to stay as they are until the digests are found, or are not wanted any more. */
  add(part: FilePart): void {
    if (this.#task === undefined) {
      this.#task = this.#thread.newTask();
      this.#thread.tell({ task: this.#task, algorithms: this.#algorithms });
    }
    this.#thread.tell({ task: this.#task, part });
  }

  /**
   * The digests of what was added, and of `rest` behind it.
   *
   * @throws AppError `local/unwritable` if the file cannot be read
   */
  async found(rest: readonly Uint8Array[], options: CallOptions): Promise<FoundDigests> {
    if (this.#task !== undefined) {
      return this.#thread.digests({ task: this.#task, rest: concatBytes(...rest) }, options);
    }
    const digests = new Digests(this.#algorithms);
    for (const piece of rest) digests.update(piece);
    return digests.finish();
  }

  [Symbol.dispose](): void {
    if (this.#task !== undefined) this.#thread.tell({ task: this.#task, drop: true });
    this.#task = undefined;
  }
}
