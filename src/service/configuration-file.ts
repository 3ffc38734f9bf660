import { type FSWatcher, statSync, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';

import type { CallOptions } from '../base/call-options.ts';
import type { Clock } from '../base/clock.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { isMissing } from '../base/is-missing.ts';
import { Semaphore } from '../base/semaphore.ts';
import type { Catalog, ConfigurationChange } from '../catalog/catalog.ts';
import type { ReadConfiguration } from '../configuration/read-configuration.ts';
import type { ServiceLog } from './log.ts';

/** An editor writes a file in several steps; in milliseconds. */
const CALM = 500;
/** Where changes are not told (network file systems), it is looked so often. */
const LOOK = 5 * 60_000;

export interface ConfigurationFileOptions {
  /** A file, or a directory of files; absolute. What comes from it is known by this in the catalog. */
  readonly place: string;
  readonly catalog: Pick<Catalog, 'configuration' | 'location' | 'notes'>;
  readonly clock: Clock;
  readonly log: ServiceLog;
  readonly read: (place: string, options: CallOptions) => Promise<ReadConfiguration>;
  /** Changes whenever `read` would find something else; `undefined` if only reading can tell. */
  readonly fingerprint: (place: string, options: CallOptions) => Promise<string | undefined>;
  /** Of the program: another one may understand the same file otherwise. */
  readonly version: string;
  /** After the catalog has changed. */
  readonly onChange: () => Promise<void>;
}

function identityOf(directory: string): string {
  const found = statSync(directory, { throwIfNoEntry: false });
  return found === undefined ? 'missing' : `${found.dev}:${found.ino}`;
}

const noteOf = (place: string): string => `configuration-file ${place}`;

/** Brings a configuration file into the catalog, again whenever it changes. A broken one changes nothing. */
export class ConfigurationFile implements AsyncDisposable {
  readonly #options: ConfigurationFileOptions;
  readonly #turn = new Semaphore(1);
  readonly #stop = new AbortController();
  #watchers: FSWatcher[] = [];
  #watched = '';
  #calming: NodeJS.Timeout | undefined;
  #ended: Promise<void> = Promise.resolve();
  #problem: string | undefined;
  #directory: string;

  constructor(options: ConfigurationFileOptions) {
    this.#options = options;
    this.#directory = path.dirname(options.place);
  }

  /** Relative paths in it are relative to this. */
  get directory(): string {
    return this.#directory;
  }

  /** What is wrong with the file; then the catalog holds what it said before. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Reads the file for the first time and begins to watch it.
   *
   * @throws AppError what is wrong with it, if nothing is there that it said before
   */
  async start(options: CallOptions = {}): Promise<void> {
    const { place, catalog, log } = this.#options;
    const isDirectory = (await stat(place).catch(() => undefined))?.isDirectory() === true;
    if (isDirectory) this.#directory = place;
    this.#watch([place]);
    try {
      await this.#apply(options);
    } catch (error) {
      options.signal?.throwIfAborted();
      const jobs = await catalog.configuration.jobs.list(options);
      if (![...jobs.values()].some(({ origin }) => origin === place)) throw error;
      this.#problem = messageOf(error);
      log.error(`${messageOf(error)}; what it said before goes on`);
    }
    await this.#tellLeftOver(options);
    this.#ended = this.#look();
  }

  /** Reads the file again. What is wrong with it is logged; then everything stays as it was. Resolves whether it could be read. */
  async reload(options: CallOptions = {}): Promise<boolean> {
    const { log } = this.#options;
    try {
      const change = await this.#apply(options);
      this.#problem = undefined;
      const parts = (['added', 'changed', 'removed'] as const).flatMap((kind) =>
        change[kind].length === 0 ? [] : `${kind}: ${change[kind].join(', ')}`,
      );
      if (parts.length > 0) log.info(`The configuration has changed; ${parts.join('; ')}`);
      return true;
    } catch (error) {
      options.signal?.throwIfAborted();
      this.#problem = messageOf(error);
      const hint = error instanceof AppError ? error.hint : undefined;
      log.error(`${messageOf(error)}; everything stays as it was`, { hint });
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#calming);
    for (const watcher of this.#watchers) watcher.close();
    await this.#ended;
    // Whoever is reading ends first.
    using _turn = await this.#turn.acquire();
  }

  async #apply(options: CallOptions): Promise<ConfigurationChange> {
    const { place, catalog, read, fingerprint, version, onChange, log } = this.#options;
    using _turn = await this.#turn.acquire(options);
    const found = await fingerprint(place, options);
    const mark = found === undefined ? undefined : `${version} ${found}`;
    const note = noteOf(place);
    // To read ten thousand jobs takes seconds, to see that they are the same a moment.
    if (mark !== undefined && (await catalog.notes.get(note, options)) === mark) {
      this.#watch([place]);
      return { added: [], changed: [], removed: [] };
    }
    const { configuration, files, directories, warnings } = await read(place, options);
    for (const { message } of warnings) log.warn(message);
    this.#watch([place, ...files], directories);
    const gone = await this.#goneOrigins(options);
    const change = await catalog.configuration.replace(configuration, place, { ...options, gone });
    // Should one of them come back, it is read again.
    for (const origin of gone) await catalog.notes.set(noteOf(origin), undefined, options);
    await catalog.notes.set(note, mark, options);
    await onChange();
    return change;
  }

  /**
   * Files that something in the catalog comes from and that are not there any more, as after a file was given another name. A catalog in PostgreSQL may have them from other machines, of
   * which nobody knows here.
   */
  async #goneOrigins(options: CallOptions): Promise<ReadonlySet<string>> {
    const { place, catalog } = this.#options;
    if (!path.isAbsolute(catalog.location)) return new Set();
    const { jobs, destinations, channels, periodicities, settings } = catalog.configuration;
    const origins = new Set<string>();
    for (const store of [jobs, destinations, channels, periodicities, settings])
      for (const { origin } of (await store.list(options)).values()) origins.add(origin);
    const gone = new Set<string>();
    for (const origin of origins) {
      if (origin === place || !path.isAbsolute(origin)) continue;
      if (await isMissing(origin)) gone.add(origin);
    }
    return gone;
  }

  /** What no file says any more goes on all the same: the catalog may be the only place that still knows its secrets. */
  async #tellLeftOver(options: CallOptions): Promise<void> {
    const { catalog, log } = this.#options;
    const gone = await this.#goneOrigins(options);
    for (const [name, { origin }] of await catalog.configuration.jobs.list(options)) {
      if (!gone.has(origin)) continue;
      log.warn(`The job "${name}" goes on, but "${origin}", which it comes from, is gone`, {
        hint: `"holdfast job remove ${name}" ends it`,
      });
    }
  }

  /**
   * Directories are watched, not files: editors and container engines put new files in their places; and so are those above them, which may be replaced as a whole.
   *
   * @param places files by their names, or the directory that is the configuration
   * @param whole directories in which every file matters
   */
  #watch(places: readonly string[], whole: readonly string[] = []): void {
    if (this.#stop.signal.aborted) return;
    const { place } = this.#options;
    const named = new Set<string>();
    for (const one of [...places, ...whole]) {
      named.add(one);
      named.add(path.dirname(one));
    }
    const directories = new Set([place, ...whole, ...[...named].map((one) => path.dirname(one))]);
    // One that was replaced has the same name and another identity.
    const text = [...directories].map((one) => `${one} ${identityOf(one)}`).join('\n');
    if (text === this.#watched) return;
    this.#watched = text;
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [...directories].flatMap((directory) => {
      const isWhole = directory === place || whole.includes(directory);
      try {
        const watcher = watch(directory, { persistent: false }, (_event, name) => {
          // Container engines switch a link of a name of their own.
          const isMeant =
            isWhole ||
            name === null ||
            name.startsWith('..') ||
            named.has(path.join(directory, name));
          if (isMeant) this.#changed();
        });
        watcher.on('error', () => watcher.close());
        return [watcher];
      } catch {
        return []; // it is looked at now and then
      }
    });
  }

  #changed(): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#calming);
    const { signal } = this.#stop;
    this.#calming = setTimeout(() => {
      this.reload({ signal }).catch(() => undefined); // it ends
    }, CALM);
  }

  async #look(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(LOOK, { signal }).catch(() => undefined); // it ends
      if (!signal.aborted) await this.reload({ signal }).catch(() => undefined);
    }
  }
}
