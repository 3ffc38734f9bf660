import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { ByteSource, Storage } from '../../../storage/storage.ts';
import { demandSound, type Inspection } from './encoded-file.ts';
import type { FinishedVolume } from './open-volume.ts';

/** How often the storage is asked for the size of what was just stored: some show it late. */
const LOOKS = 5;

/** What storing a volume needs. */
export interface UploadSettings extends Inspection {
  readonly storage: Storage;
  readonly clock: Clock;
  /** Compare each volume with what went in, before it is stored. */
  readonly verify: boolean;
  /** Volumes on their way at once. */
  readonly concurrency: number;
  /** Whether objects of these names may be there: those of an interrupted run. */
  readonly replace: boolean;
}

/**
 * Stores volumes while the next one is written. The first failure stops everything, and is thrown by whatever is called next.
 *
 * No volume is begun before all are stored that come `concurrency` or more before it. When a run is killed, duplicity goes on behind all volumes it can count but one: with two at once, one that
 * is missing is then never among those it keeps.
 */
export class VolumeUploader implements AsyncDisposable {
  readonly #settings: UploadSettings;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();
  /** For each of the newest volumes, as many as may be on their way: resolves when it and all before it have ended. */
  readonly #ended: Promise<void>[] = [];
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(settings: UploadSettings, { signal }: CallOptions = {}) {
    this.#settings = settings;
    this.#signal =
      signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  /** Bytes of the volumes that are stored. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a volume, which it disposes of; resolves when another one may be made. */
  async add(volume: FinishedVolume, name: string): Promise<void> {
    const { concurrency } = this.#settings;
    const last = this.#ended.at(-1);
    const before = this.#ended.length < concurrency ? undefined : this.#ended.shift();
    const task = this.#store(volume, name, before)
      .catch((error: unknown) => {
        this.#failure ??= { error };
        this.#stop.abort(error);
      })
      .finally(() => {
        volume.body[Symbol.dispose]();
        this.#running.delete(task);
      });
    this.#running.add(task);
    this.#ended.push(Promise.all([last, task]).then(() => undefined));
    // One volume waits here while as many as may be are on their way.
    while (this.#running.size > concurrency) await Promise.race(this.#running);
    this.#demandSound();
  }

  /** Resolves when all volumes are durable. */
  async finish(): Promise<void> {
    await Promise.all(this.#running);
    this.#demandSound();
  }

  /** Stops what is on its way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new AppError('interrupted', 'The upload was given up'));
    await Promise.all(this.#running);
  }

  async #store(
    volume: FinishedVolume,
    name: string,
    before: Promise<void> | undefined,
  ): Promise<void> {
    await before;
    this.#signal.throwIfAborted();
    const { storage, replace } = this.#settings;
    const options = { signal: this.#signal };
    if (this.#settings.verify) {
      await demandSound(`Volume ${volume.number}`, volume, this.#settings, options);
    }
    await storeChecked(storage, name, volume.body, this.#settings.clock, {
      ...options,
      ifAbsent: !replace,
    });
    this.#bytes += volume.body.size;
  }

  #demandSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/**
 * Stores an object and sees that it is there in its whole length.
 *
 * @throws AppError `storage/unavailable` with `details.found` when it is not, and what the storage throws
 */
export async function storeChecked(
  storage: Storage,
  name: string,
  body: Uint8Array | ByteSource,
  clock: Clock,
  options: CallOptions & { readonly ifAbsent?: boolean },
): Promise<void> {
  await storage.put(name, body, options);
  const size = body instanceof Uint8Array ? body.length : body.size;
  for (let look = 1; ; look++) {
    const found = await sizeOf(storage, name, options);
    if (found === size) return;
    if (look === LOOKS) {
      const shown = found === undefined ? 'is not there' : `has ${found} bytes`;
      throw new AppError(
        'storage/unavailable',
        `"${name}" ${shown} after it was stored with ${size} bytes`,
        { details: { name, expected: size, found: found ?? -1 } },
      );
    }
    await clock.sleep(1000 * 2 ** (look - 1), options);
  }
}

async function sizeOf(
  storage: Storage,
  name: string,
  { signal }: CallOptions,
): Promise<number | undefined> {
  try {
    return (await storage.stat(name, { signal })).size;
  } catch (error) {
    if (hasCode(error, 'storage/not-found')) return undefined;
    throw error;
  }
}
