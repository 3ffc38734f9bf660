import { constants } from 'node:fs';

import { systemCodeOf } from '../../../base/errors.ts';
import { type FileSystem, uninterrupted } from './file-system.ts';

/** A few network and FUSE file systems cannot sync a directory and say so; their entries are then as durable as they get. */
const cannotSync = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Makes what was done in a directory durable. Calls that come while a sync of the same directory runs share the *next* one: only a
 * sync that starts after a rename covers it.
 */
export class DirectorySync {
  readonly #fileSystem: FileSystem;
  readonly #running = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Promise<void>>();

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  async sync(directory: string): Promise<void> {
    const running = this.#running.get(directory);
    if (running === undefined) return this.#start(directory);
    const waiting = this.#next.get(directory);
    if (waiting !== undefined) return waiting;
    const next = running
      .catch(() => undefined)
      .then(() => {
        this.#next.delete(directory);
        return this.#start(directory);
      });
    this.#next.set(directory, next);
    return next;
  }

  #start(directory: string): Promise<void> {
    const started = this.#syncNow(directory).finally(() => {
      if (this.#running.get(directory) === started) this.#running.delete(directory);
    });
    this.#running.set(directory, started);
    return started;
  }

  async #syncNow(directory: string): Promise<void> {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY;
    const handle = await uninterrupted(() => this.#fileSystem.open(directory, flags));
    try {
      await uninterrupted(() => handle.sync());
    } catch (error) {
      if (!cannotSync.has(systemCodeOf(error) ?? '')) throw error;
    } finally {
      await handle.close();
    }
  }
}
