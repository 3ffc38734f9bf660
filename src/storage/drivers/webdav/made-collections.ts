import type { CallOptions } from '../../../base/call-options.ts';
import { temporaryName } from '../../temporary-name.ts';
import type { Propfind } from './propfind.ts';
import { encodePath } from './resource-path.ts';
import type { WebdavClient } from './webdav-client.ts';

/** Seconds after which a server may forget a lock that was never taken back. */
const lockedFor = 60;

const exclusive =
  '<?xml version="1.0" encoding="utf-8"?>' +
  '<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>';

/** Statuses by which servers refuse to put something into a locked directory; Apache wraps its refusal up. */
const kept: ReadonlySet<number> = new Set([423, 207]);

/**
 * The directories that this program has made, and nobody else: the server has confirmed each. It removes them again, as far as nothing
 * lies in them. A DELETE would take whatever somebody puts there after the look, so that there is a lock around both; where a server
 * has no locks, or does not keep to them, the directories stay.
 */
export class MadeCollections {
  readonly #client: WebdavClient;
  readonly #propfind: Propfind;
  readonly #made: (readonly string[])[] = [];

  constructor(client: WebdavClient, propfind: Propfind) {
    this.#client = client;
    this.#propfind = propfind;
  }

  /** Takes note of one; `parts` are those of its whole path. */
  note(parts: readonly string[]): void {
    this.#made.push(parts);
  }

  /** Removes what can be removed, the deepest first; gives the paths of what is gone. */
  async remove(options: CallOptions): Promise<readonly (readonly string[])[]> {
    const gone: (readonly string[])[] = [];
    for (const parts of this.#made.splice(0).toReversed()) {
      if (await this.#removeOne(parts, options)) gone.push(parts);
    }
    return gone;
  }

  async #removeOne(parts: readonly string[], options: CallOptions): Promise<boolean> {
    const token = await this.#lock(parts, options);
    if (token === undefined) return false;
    try {
      if (!(await this.#isEmpty(parts, options)) || !(await this.#isKept(parts, options)))
        return false;
      const path = encodePath(parts, 'collection');
      // Named with its address: otherwise the token would have to fit the directory above as well.
      const condition = `<${this.#client.urlOf('').origin}${path}> (${token})`;
      return (await this.#ask('DELETE', parts, { if: condition }, options)) === 204;
    } finally {
      // Not even an abort leaves it locked, and there are servers whose locks outlive what they are on.
      await this.#ask('UNLOCK', parts, { 'lock-token': token }, {});
    }
  }

  /** The token of a new lock, with its brackets; `undefined` where there are no locks. */
  async #lock(parts: readonly string[], { signal }: CallOptions): Promise<string | undefined> {
    const response = await this.#client.send({
      method: 'LOCK',
      path: encodePath(parts, 'collection'),
      headers: {
        depth: 'infinity',
        timeout: `Second-${lockedFor}`,
        'content-type': 'application/xml; charset=utf-8',
      },
      body: exclusive,
      action: actionOf(parts),
      signal,
    });
    await response.discard();
    // 201 would mean that there was nothing, and that the lock has made it.
    if (response.status !== 200) return undefined;
    return /^<[^<>]+>$/u.exec(response.header('lock-token')?.trim() ?? '')?.[0];
  }

  async #isEmpty(parts: readonly string[], { signal }: CallOptions): Promise<boolean> {
    const listing = await this.#propfind.list(parts, { action: actionOf(parts), signal });
    return listing?.members.length === 0;
  }

  /** Whether somebody without the token is kept out: there are servers that hand locks out only because programs ask for them. */
  async #isKept(parts: readonly string[], options: CallOptions): Promise<boolean> {
    const inside = [...parts, temporaryName()];
    const status = await this.#ask('MKCOL', inside, {}, options);
    if (status === 201) await this.#ask('DELETE', inside, {}, options);
    return kept.has(status);
  }

  async #ask(
    method: string,
    parts: readonly string[],
    headers: Readonly<Record<string, string>>,
    { signal }: CallOptions,
  ): Promise<number> {
    const path = encodePath(parts, 'collection');
    const request = { method, path, headers, action: actionOf(parts), signal };
    const response = await this.#client.send(request);
    await response.discard();
    return response.status;
  }
}

function actionOf(parts: readonly string[]): string {
  return `remove the directory "/${parts.join('/')}"`;
}
