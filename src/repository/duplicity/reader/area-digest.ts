import type { CallOptions } from '../../../base/call-options.ts';
import type { DigestAlgorithm } from '../inspection/digests.ts';
import { GrowingDigests } from '../inspection/growing-digests.ts';
import type { InspectThread } from '../inspection/inspect-thread.ts';
import type { TemporaryArea } from './temporary-store.ts';

/** Shorter ones are hashed sooner than another thread is started. */
const LONG = 4 * 1024 * 1024;
/** So many bytes are handed to it at a time. */
const HASHED_AT_ONCE = 1024 * 1024;

/** The digest of an area that is being filled: of what can be read there, by another thread where it is long. */
export class AreaDigest implements Disposable {
  readonly #area: TemporaryArea;
  readonly #algorithm: DigestAlgorithm;
  readonly #digests: GrowingDigests;
  /** How much of the file it was told of. */
  #told = 0;

  constructor(area: TemporaryArea, algorithm: DigestAlgorithm, thread: InspectThread) {
    this.#area = area;
    this.#algorithm = algorithm;
    this.#digests = new GrowingDigests([algorithm], thread);
  }

  /** Something was appended. */
  grow(): void {
    const { stored } = this.#area;
    if (stored >= LONG && stored - this.#told >= HASHED_AT_ONCE) this.#hashMore();
  }

  /**
   * Of the whole area, in hex digits.
   *
   * @throws AppError `local/unwritable`
   */
  async found(options: CallOptions): Promise<string> {
    if (this.#told > 0) this.#hashMore();
    const rest = this.#area.read(this.#told, this.#area.length - this.#told);
    const found = await this.#digests.found([rest], options);
    return found.get(this.#algorithm)!;
  }

  [Symbol.dispose](): void {
    this.#digests[Symbol.dispose]();
  }

  #hashMore(): void {
    for (const part of this.#area.partsFrom(this.#told)) this.#digests.add(part);
    this.#told = this.#area.stored;
  }
}
