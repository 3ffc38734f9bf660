import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';
import { readMultistatus } from './multistatus.ts';
import type { Propfind } from './propfind.ts';
import { encodePath } from './resource-path.ts';
import type { HttpResponse } from '../../network/http-client.ts';
import type { WebdavClient, WebdavRequest } from './webdav-client.ts';

/** Milliseconds that an aborted call waits for the answer to a rename that is already on its way. */
const grace = 2000;

export interface Publication extends CallOptions {
  /** Parts of the path of what was sent. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** The object's name. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly mayReplace: boolean;
}

/** Gives what was sent its name (RFC 4918, section 9.9). */
export class Publisher {
  readonly #client: WebdavClient;
  readonly #propfind: Propfind;
  readonly #clock: Clock;
  /** Whether the server wants the new name as a path: one behind a proxy that ends TLS does not know its own address. */
  #wantsPath = false;

  constructor(client: WebdavClient, propfind: Propfind, clock: Clock) {
    this.#client = client;
    this.#propfind = propfind;
    this.#clock = clock;
  }

  /** Renames. Rejects with `storage/already-exists` when something is there that may not be replaced. */
  async publish({ from, to, name, size, mayReplace, signal }: Publication): Promise<void> {
    using patience = new Patience(grace, this.#clock, signal);
    const action = `store "${name}"`;
    const options = { action, signal: patience.signal };
    // Whether there is something: a server would replace a directory together with all that is in it.
    let { sent, response } = await this.#move(from, to, 'F', options);
    if (response.status === 412 && mayReplace) {
      await response.discard();
      const found = await this.#propfind.lookAt(to, options);
      if (found.kind === 'collection') throw isDirectory(to);
      ({ sent, response } = await this.#move(from, to, 'T', options));
    }
    if (response.status === 207) {
      for await (const { href, status } of readMultistatus(response.stream(), sent.action)) {
        throw new AppError(
          'storage/unavailable',
          `Cannot ${sent.action}: the server answers with status ${status ?? 207} for "${href.slice(0, 300)}"`,
        );
      }
    }
    if (response.status === 201 || response.status === 204) return await response.discard();
    if (response.status === 200) {
      await response.discard();
      // So answers whatever stands before a server as well: a page to log in at.
      const found = await this.#propfind.lookAt(to, options);
      if (found.kind === 'object' && found.size === size) return;
      throw new AppError(
        'storage/unavailable',
        `Cannot ${action}: the server has accepted it, and does not have it`,
      );
    }
    const error = await this.#client.refusal(response, sent);
    if (response.status === 412 && !mayReplace)
      throw new AppError('storage/already-exists', `Cannot store "${name}": it is already there`, {
        cause: error,
      });
    // Two who replace the same object at once get in each other's way, and what was sent may be gone then.
    if (response.status === 404)
      throw new AppError('storage/unavailable', `Cannot store "${name}": what was sent is gone`, {
        cause: error,
      });
    throw error;
  }

  /** One request, unless the server wants the new name in another way. */
  async #move(
    from: readonly string[],
    to: readonly string[],
    overwrite: 'T' | 'F',
    { action, signal }: CallOptions & { readonly action: string },
  ): Promise<{ readonly sent: WebdavRequest; readonly response: HttpResponse }> {
    const path = encodePath(to, 'object');
    const url = this.#client.urlOf('').origin + path;
    const request = (destination: string): WebdavRequest => ({
      method: 'MOVE',
      path: encodePath(from, 'object'),
      headers: { destination, overwrite },
      action,
      signal,
    });
    const asPath = this.#wantsPath;
    const sent = request(asPath ? path : url);
    const response = await this.#client.send(sent);
    if ((response.status !== 400 && response.status !== 502) || asPath) return { sent, response };
    await response.discard();
    const again = request(path);
    const answer = await this.#client.send(again);
    if (answer.status < 300 || answer.status === 412) this.#wantsPath = true;
    return { sent: again, response: answer };
  }
}

function isDirectory(parts: readonly string[]): AppError {
  return new AppError(
    'storage/access-denied',
    `"/${parts.join('/')}" on the server is a directory, and not a file`,
    { hint: 'Choose another path in the URL, or move that directory away' },
  );
}

/** A signal that aborts some time after another one, so that what is being decided can still be learned. */
class Patience implements Disposable {
  readonly #controller = new AbortController();
  readonly #over = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #begin: () => void;

  constructor(milliseconds: number, clock: Clock, outer: AbortSignal | undefined) {
    outer?.throwIfAborted();
    this.#outer = outer;
    this.#begin = () => {
      clock
        .sleep(milliseconds, { signal: this.#over.signal })
        .then(() => this.#controller.abort(outer?.reason))
        // It was decided in time.
        .catch(() => undefined);
    };
    outer?.addEventListener('abort', this.#begin, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#outer?.removeEventListener('abort', this.#begin);
    this.#over.abort();
  }
}
