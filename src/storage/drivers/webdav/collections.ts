import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { MadeCollections } from './made-collections.ts';
import type { Propfind } from './propfind.ts';
import { encodePath } from './resource-path.ts';
import { SharedWork } from '../../network/shared-result.ts';
import type { WebdavClient } from './webdav-client.ts';

/** Makes directories, once each: what is known to be there is not asked for again. */
export class Collections {
  readonly #client: WebdavClient;
  readonly #propfind: Propfind;
  readonly #base: readonly string[];
  readonly #ready = new SharedWork();
  /** The names of those that are known to be there, below the base. */
  readonly #there = new Set<string>();
  /** Of those, what the server only said to be something. */
  readonly #doubtful = new Set<string>();
  readonly #made: MadeCollections;
  #baseWasSeen = false;

  /** `base` are the parts of the destination's path. */
  constructor(client: WebdavClient, propfind: Propfind, base: readonly string[]) {
    this.#client = client;
    this.#propfind = propfind;
    this.#base = base;
    this.#made = new MadeCollections(client, propfind);
  }

  /** Resolves when the directory of these parts below the base can be written to. */
  async prepare(parts: readonly string[], options: CallOptions = {}): Promise<void> {
    const name = parts.join('/');
    if (this.#there.has(name)) return;
    await this.#ready.do(name, () => this.#prepare(parts), options);
    this.#there.add(name);
  }

  /** Makes sure that what is there is a directory, where nothing that was put into it has shown that. */
  async confirm(parts: readonly string[], { signal }: CallOptions = {}): Promise<void> {
    const name = parts.join('/');
    if (!this.#doubtful.has(name)) return;
    const whole = [...this.#base, ...parts];
    const found = await this.#propfind.lookAt(whole, { action: this.#action(whole), signal });
    if (found.kind === 'object') throw isFile(whole);
    this.#doubtful.delete(name);
  }

  /** Whether the directory of these parts is known to be there. */
  has(parts: readonly string[]): boolean {
    return this.#there.has(parts.join('/'));
  }

  /** Whether something was seen below the base: if it is missing later, that is no empty storage, and none to be made. */
  get baseWasSeen(): boolean {
    return this.#baseWasSeen;
  }

  /** Takes note of something below the base that was seen. */
  noteBase(): void {
    this.#baseWasSeen = true;
    this.note([]);
  }

  /** The error for a base that is missing and was seen. */
  baseIsGone(action: string): AppError {
    return new AppError(
      'storage/unavailable',
      `Cannot ${action}: the directory "/${this.#base.join('/')}" of the server was there before and is gone`,
      { hint: 'Look whether the disk behind the server is mounted' },
    );
  }

  /** Takes note of a directory that was seen. */
  note(parts: readonly string[]): void {
    this.#there.add(parts.join('/'));
  }

  /** Forgets a directory that somebody seems to have removed, and those above it. */
  forget(parts: readonly string[]): void {
    const name = parts.join('/');
    const isAbove = (known: string): boolean => known === '' || `${name}/`.startsWith(`${known}/`);
    this.#ready.forget(isAbove);
    for (const known of this.#there) if (isAbove(known)) this.#there.delete(known);
  }

  /** Removes those that it has made, as far as that is sure to take nothing with it. */
  async removeMade(options: CallOptions): Promise<void> {
    this.#there.clear();
    this.#ready.forget(() => true);
    const gone = await this.#made.remove(options);
    if (gone.some((parts) => parts.length <= this.#base.length)) this.#baseWasSeen = false;
  }

  async #prepare(parts: readonly string[]): Promise<void> {
    if (parts.length === 0) return this.#prepareBase();
    await this.prepare(parts.slice(0, -1));
    await this.#make([...this.#base, ...parts]);
  }

  async #prepareBase(): Promise<void> {
    const action = this.#action(this.#base);
    const found = await this.#propfind.lookAt(this.#base, { action });
    if (found.kind === 'object') throw isFile(this.#base);
    if (found.kind !== 'missing') return;
    // Whatever was stored there would lie beside what is no longer mounted.
    if (this.#baseWasSeen) throw this.baseIsGone(action);
    await this.#makeAll(this.#base);
  }

  /** Makes a directory, and those above it when the server says that they are missing. */
  async #makeAll(parts: readonly string[]): Promise<void> {
    if (parts.length > 1) {
      const above = parts.slice(0, -1);
      const refused = await this.#mkcol(parts);
      if (refused === undefined) return;
      // Looked at only now: of a share, often nothing but what lies in it can be seen.
      if (refused.status === 409 || refused.status === 404) await this.#makeAll(above);
    }
    await this.#make(parts);
  }

  async #make(parts: readonly string[]): Promise<void> {
    const refused = await this.#mkcol(parts);
    // 405 is how a server says that something is there; should it be a file, it is seen when something is put below it.
    if (refused?.status === 405) this.#doubtful.add(parts.slice(this.#base.length).join('/'));
    if (refused === undefined || refused.status === 405) return;
    const found = await this.#propfind.lookAt(parts, { action: this.#action(parts) });
    if (found.kind === 'object') throw isFile(parts);
    if (found.kind !== 'missing') return;
    // The directory above seems to have been removed: it is made by the next attempt.
    if (refused.status === 409 || refused.status === 404)
      this.forget(parts.slice(this.#base.length, -1));
    throw refused.error;
  }

  /** Why a directory was not made, if it was not. */
  async #mkcol(
    parts: readonly string[],
  ): Promise<{ readonly status: number; readonly error: Error } | undefined> {
    const request = {
      method: 'MKCOL',
      path: encodePath(parts, 'collection'),
      action: this.#action(parts),
    };
    const response = await this.#client.send(request);
    const { status } = response;
    if (status !== 201) return { status, error: await this.#client.refusal(response, request) };
    await response.discard();
    this.#made.note(parts);
    return undefined;
  }

  #action(parts: readonly string[]): string {
    return `make the directory "/${parts.join('/')}"`;
  }
}

/** What is wanted as a directory is a file. */
export function isFile(parts: readonly string[]): AppError {
  return new AppError(
    'storage/access-denied',
    `"/${parts.join('/')}" on the server is a file, and not a directory`,
    { hint: 'Choose another path in the URL, or move that file away' },
  );
}
