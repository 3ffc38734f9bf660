import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { untilAborted } from '../../base/until-aborted.ts';

/** An access token as a service has granted it. */
export interface GrantedToken {
  readonly value: string;
  /** Milliseconds since 1970 after which the service no longer takes it; unknown when missing. */
  readonly expires?: number;
}

/** Where new access tokens come from: a refresh token, a service account, a handler that keeps the refresh token. */
export type TokenGrant = (options: CallOptions) => Promise<GrantedToken>;

export interface AccessTokensSettings {
  readonly clock: Clock;
  /** For errors: `Dropbox`. */
  readonly service: string;
  /** How the user signs in again. */
  readonly signInHint: string;
  /** A token that is there already; used until the service refuses it. */
  readonly first?: string | undefined;
  /** Without it there is only `first`. */
  readonly grant?: TokenGrant | undefined;
}

/** Milliseconds before its end at which a token is replaced: what has begun with it should still be accepted. */
const margin = 60_000;

/**
 * The access token of one account: fetched when it is first needed, shared by all calls, replaced before it expires. However many calls
 * need a new one, the service is asked once; that request outlives calls that are aborted, because its answer may hold a new refresh
 * token that must not be lost.
 */
export class AccessTokens implements AsyncDisposable {
  readonly #settings: AccessTokensSettings;
  #current: { readonly value: string; readonly renewAt: number } | undefined;
  #renewal: Promise<string> | undefined;

  constructor(settings: AccessTokensSettings) {
    this.#settings = settings;
    if (settings.first !== undefined)
      this.#current = { value: settings.first, renewAt: Number.POSITIVE_INFINITY };
  }

  /** A token that should be accepted now. Rejects with `storage/access-denied`, `storage/unavailable` or `signal.reason`. */
  async get({ signal }: CallOptions = {}): Promise<string> {
    signal?.throwIfAborted();
    const current = this.#current;
    if (current !== undefined && this.#settings.clock.now() < current.renewAt) return current.value;
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined;
    });
    return untilAborted(this.#renewal, signal);
  }

  /** Notes that the service refused this token, so that `get` fetches another one. */
  refuse(token: string): void {
    if (this.#current?.value === token) this.#current = undefined;
  }

  /** Whether there can be another token than the first one. */
  get renewable(): boolean {
    return this.#settings.grant !== undefined;
  }

  /** Waits for a request that is under way: a new refresh token in its answer has to be saved. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#renewal?.catch(() => undefined);
  }

  async #renew(): Promise<string> {
    const { clock, grant, service, signInHint } = this.#settings;
    if (grant === undefined) {
      throw new AppError(
        'storage/access-denied',
        `Cannot sign in to ${service}: the access token is refused or has expired, and there is nothing to get another one with`,
        { hint: signInHint },
      );
    }
    const asked = clock.now();
    const { value, expires } = await grant({});
    const renewAt =
      expires === undefined
        ? Number.POSITIVE_INFINITY
        : expires - Math.min(margin, (expires - asked) / 4);
    this.#current = { value, renewAt };
    return value;
  }
}
