import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import type { HttpResponse } from '../../network/http-client.ts';
import type { SwiftConnection, SwiftRequest } from './swift-connection.ts';
import { noContainer, swiftError } from './swift-error.ts';

export interface SwiftContainerSettings {
  readonly connection: SwiftConnection;
  readonly container: string;
  readonly createContainer: boolean;
  readonly storagePolicy: string | undefined;
}

/**
 * The container of the objects, and whether it is there.
 *
 * Swift answers 404 also while it cannot reach the servers that know the accounts, and a listing would then be taken for empty. So what was there before a request is there
 * after it, and the first answer of that kind is believed only when the account could be looked at and the container is still not there.
 */
export class SwiftContainer {
  /** Encoded, below the account. */
  readonly path: string;
  readonly #settings: SwiftContainerSettings;
  #isKnown = false;

  constructor(settings: SwiftContainerSettings) {
    this.#settings = settings;
    this.path = `/${encodeURIComponent(settings.container)}`;
  }

  /** Something was found in the container, so it is there. */
  met(): void {
    this.#isKnown = true;
  }

  /** A PUT of an object, for which the container is made when it is missing and that is wanted. Gives answers of any other status. */
  async put(request: SwiftRequest): Promise<HttpResponse> {
    const { connection, container, createContainer } = this.#settings;
    const { action, signal } = request;
    const response = await connection.request(request);
    if (response.status !== 404) {
      if (response.status < 300) this.met();
      return response;
    }
    await response.discard();
    if (createContainer) {
      await this.#create({ action, signal });
      return await connection.request(request);
    }
    throw (await this.#isThere({ action, signal }))
      ? lost(action, container)
      : noContainer(action, container);
  }

  /** One page of the listing, with status 200 or 204; nothing where no container is and the first put will make one. */
  async page({
    query,
    action,
    signal,
  }: ContainerCall & { readonly query: string }): Promise<HttpResponse | undefined> {
    const { connection, container, createContainer } = this.#settings;
    const path = `${this.path}?${query}`;
    for (;;) {
      const wasKnown = this.#isKnown;
      const response = await connection.request({ method: 'GET', path, action, signal });
      if (response.status === 200 || response.status === 204) {
        this.met();
        return response;
      }
      if (response.status !== 404) throw await swiftError(response, action);
      await response.discard();
      if (wasKnown) throw lost(action, container);
      // Another call may have made it meanwhile.
      if (await this.#isThere({ action, signal })) continue;
      if (createContainer) return undefined;
      throw noContainer(action, container);
    }
  }

  /** Throws `storage/no-container` when it is missing and nothing will make it. */
  async mustBeThere(call: ContainerCall): Promise<void> {
    const { container, createContainer } = this.#settings;
    if (createContainer || (await this.#isThere(call))) return;
    throw noContainer(call.action, container);
  }

  async #isThere(call: ContainerCall): Promise<boolean> {
    if (this.#isKnown) return true;
    const { connection } = this.#settings;
    // Whoever may use the objects need not be allowed to look at the account, nor at the container.
    const account = await connection.request({ method: 'HEAD', path: '', ...call });
    if (account.status > 499) throw await swiftError(account, call.action);
    await account.discard();
    const response = await connection.request({ method: 'HEAD', path: this.path, ...call });
    if (response.status > 499) throw await swiftError(response, call.action);
    await response.discard();
    if (response.status !== 404) this.met();
    return this.#isKnown;
  }

  async #create({ action, signal }: ContainerCall): Promise<void> {
    const { connection, storagePolicy, container } = this.#settings;
    const response = await connection.request({
      method: 'PUT',
      path: this.path,
      headers: storagePolicy === undefined ? {} : { 'x-storage-policy': storagePolicy },
      body: '',
      action,
      signal,
    });
    const { status } = response;
    if (status === 201 || status === 202) return await response.discard();
    if (status === 400 && storagePolicy !== undefined) {
      await response.discard();
      throw new AppError(
        'input/usage',
        `Cannot make the container "${container}": there is no storage policy "${storagePolicy}"`,
        { hint: 'Look at the option "storage-policy"; "swift info" shows those there are' },
      );
    }
    throw await swiftError(response, `make the container "${container}"`);
  }
}

interface ContainerCall extends CallOptions {
  /** What is done, for errors. */
  readonly action: string;
}

function lost(action: string, container: string): AppError {
  return new AppError(
    'storage/unavailable',
    `Cannot ${action}: the server does not find the container "${container}", which was there before`,
    { hint: `Look with "swift stat ${container}" whether it is there still` },
  );
}
