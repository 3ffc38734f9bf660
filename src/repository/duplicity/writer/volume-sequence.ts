import type { Hash } from 'node:crypto';

import type { CallOptions } from '../../../base/call-options.ts';
import type { VolumePosition } from '../manifest/manifest.ts';
import { type FinishedVolume, OpenVolume, type VolumeSettings } from './open-volume.ts';

/** Where a volume begins and ends that holds nothing. */
const rootPosition: VolumePosition = { path: new Uint8Array(0), block: undefined };

/**
 * How a volume's section says what the begun file at its end looked like: a digest of the file's blocks up to there. Others ignore it; whoever goes on with an interrupted set knows
 * by it whether the file is still the same.
 */
export const BEGUN_FILE_HASH = 'HOLDFAST-BEGUN';

/** Fills one volume after the other; each is handed over when it is complete. */
export class VolumeSequence implements AsyncDisposable {
  readonly #settings: VolumeSettings;
  readonly #options: CallOptions;
  readonly #store: (volume: FinishedVolume) => Promise<void>;
  #next: number;
  #volume: OpenVolume | undefined;

  /** `first`: the number of the first volume. `store` resolves when the next volume may be begun. */
  constructor(
    settings: VolumeSettings,
    first: number,
    store: (volume: FinishedVolume) => Promise<void>,
    options: CallOptions,
  ) {
    this.#settings = settings;
    this.#next = first;
    this.#store = store;
    this.#options = options;
  }

  /** The volume for an entry that takes `length` bytes of tar. `begun`: a digest of the file of which this is a further block. */
  begin(length: number, begun?: Hash): OpenVolume | Promise<OpenVolume> {
    const volume = this.#volume;
    if (volume === undefined) return this.#open();
    const isFull = volume.isFull(length);
    if (isFull === false) return volume;
    return this.#continue(volume, isFull, begun);
  }

  /** Completes the last volume; there is one even if nothing was written, unless `optional`. */
  async finish(optional = false): Promise<void> {
    if (this.#volume === undefined && !optional) await this.#open();
    await this.#close(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#volume?.[Symbol.asyncDispose]();
  }

  async #open(): Promise<OpenVolume> {
    this.#volume = await OpenVolume.open(this.#next, this.#settings, this.#options);
    this.#next++;
    return this.#volume;
  }

  async #continue(
    volume: OpenVolume,
    isFull: true | Promise<boolean>,
    begun: Hash | undefined,
  ): Promise<OpenVolume> {
    if (!(await isFull)) return volume;
    await this.#close(begun);
    return this.#open();
  }

  async #close(begun: Hash | undefined): Promise<void> {
    const volume = this.#volume;
    if (volume === undefined) return;
    const finished = await volume.finish(rootPosition);
    this.#volume = undefined;
    const hashes =
      begun === undefined
        ? finished.hashes
        : new Map([...finished.hashes, [BEGUN_FILE_HASH, begun.copy().digest('hex')]]);
    await this.#store({ ...finished, hashes });
  }
}
