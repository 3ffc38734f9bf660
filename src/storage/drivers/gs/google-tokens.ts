import { readFile } from 'node:fs/promises';

import { GoogleAuth } from 'google-auth-library';

import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, messageOf } from '../../../base/errors.ts';
import { fileReason } from '../../../base/file-reason.ts';
import { oneLine } from '../../network/one-line.ts';
import { authIdGrant } from '../../network/duplicati-authid.ts';
import type { HttpClient } from '../../network/http-client.ts';
import { translateNetworkError } from '../../network/network-error.ts';
import type { TokenGrant } from '../../network/oauth.ts';
import { SharedResult } from '../../network/shared-result.ts';
import type { Authorizer } from './authorizer.ts';
import type { GsOptions } from './gs-options.ts';
import { field, textField } from '../../network/json-field.ts';
import { withoutLookupWarnings } from './lookup-warnings.ts';

/** Reads and writes objects; making buckets takes no more than that and the right to do it. */
const scope = 'https://www.googleapis.com/auth/devstorage.full_control';

/** Where Google's library asks for the tokens of service accounts; a key file may name another place. */
const tokenUrl = 'https://oauth2.googleapis.com/token';

/** Milliseconds before its end at which a token is no longer used. */
const margin = 60_000;

interface Token {
  readonly text: string;
  /** By the monotonic clock. */
  readonly until: number;
}

/** Access tokens: one that was given, or those that Google's library gets for an account, from a metadata server or by federation. */
export class GoogleTokens implements Authorizer {
  readonly #options: GsOptions;
  readonly #clock: Clock;
  readonly #client: HttpClient;
  readonly #byAuthId: TokenGrant | undefined;
  readonly #token = new SharedResult(() => this.#fetch());
  #isRefused = false;

  /** `client` carries the requests for tokens of service accounts. */
  constructor(options: GsOptions, { clock, client }: { clock: Clock; client: HttpClient }) {
    this.#options = options;
    this.#clock = clock;
    this.#client = client;
    const { authid } = options;
    this.#byAuthId =
      authid &&
      authIdGrant({
        http: client,
        clock,
        url: options['oauth-url'],
        authId: authid.reveal(),
        service: 'Google Cloud Storage',
      });
  }

  async headers(_: unknown, options: CallOptions): Promise<Readonly<Record<string, string>>> {
    for (;;) {
      const token = await this.#token.get(options);
      if (this.#clock.monotonic() < token.until) return { authorization: `Bearer ${token.text}` };
      await this.#token.forget(token);
    }
  }

  async refused({ authorization }: Readonly<Record<string, string>>): Promise<boolean> {
    const token = await this.#token.get();
    if (`Bearer ${token.text}` === authorization) await this.#token.forget(token);
    const isFixed = this.#options['access-token'] !== undefined;
    this.#isRefused ||= isFixed;
    return !isFixed;
  }

  async #fetch(): Promise<Token> {
    const fixed = this.#options['access-token'];
    if (fixed !== undefined && !this.#isRefused) return { text: fixed.reveal(), until: Infinity };
    if (fixed !== undefined) throw refusedToken('the access token is wrong or has expired');
    if (this.#byAuthId !== undefined) {
      const { value, expires } = await this.#byAuthId({});
      return this.#tokenOf(value, expires);
    }
    const credentials = await readCredentials(this.#options);
    const auth = new GoogleAuth({
      scopes: [scope],
      ...(credentials !== undefined && { credentials }),
      clientOptions: {
        transporterOptions: {
          fetchImplementation: (url, init) => this.#send(url, init, credentials),
          // Attempts are counted elsewhere.
          retryConfig: { retry: 0, noResponseRetries: 0 },
        },
      },
    });
    try {
      const client = await withoutLookupWarnings(() => auth.getClient());
      const { token } = await client.getAccessToken();
      if (typeof token !== 'string') throw new Error('No access token was given');
      return this.#tokenOf(token, client.credentials.expiry_date ?? undefined);
    } catch (error) {
      throw tokenFailure(error);
    }
  }

  /** `expires` is in milliseconds since 1970. */
  #tokenOf(text: string, expires = Infinity): Token {
    const lifetime = expires - this.#clock.now();
    const spare = Math.min(margin, Math.max(lifetime, 0) / 2);
    return { text, until: this.#clock.monotonic() + lifetime - spare };
  }

  /** One request of Google's library, over our connections: with our proxies, our trust and our errors. */
  async #send(
    to: string | URL | Request,
    init: RequestInit | undefined,
    credentials: object | undefined,
  ): Promise<Response> {
    const asked = to instanceof Request ? to.url : String(to);
    const url = asked === tokenUrl ? (textField(credentials, 'token_uri') ?? asked) : asked;
    const headers = Object.fromEntries(new Headers(init?.headers));
    const { body } = init ?? {};
    const isForm = body instanceof URLSearchParams;
    const answer = await this.#client.request({
      method: init?.method === 'POST' ? 'POST' : 'GET',
      url,
      headers: {
        ...(isForm && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      ...((isForm || typeof body === 'string') && { body: body.toString() }),
      action: 'get an access token from Google',
    });
    return new Response(await answer.text(), { status: answer.status, headers: answer.headers() });
  }
}

async function readCredentials(options: GsOptions): Promise<object | undefined> {
  const file = options['credentials-file'];
  const written = options['credentials-json']?.reveal();
  if (written === undefined && file === undefined) return undefined;
  const what =
    written === undefined ? `the file "${file}" of "credentials-file"` : '"credentials-json"';
  let parsed: unknown;
  try {
    parsed = JSON.parse(written ?? (await readFile(file ?? '', 'utf8')));
  } catch (cause) {
    // What JSON says about a text quotes from it.
    const isParsed = cause instanceof SyntaxError;
    const reason = isParsed ? 'it is no JSON' : fileReason(cause);
    throw new AppError('input/usage', `Cannot read ${what}: ${reason}`, {
      ...(!isParsed && {
        cause,
        hint: 'Look at the option "credentials-file" and at GOOGLE_APPLICATION_CREDENTIALS; a key is made in the console under "Service accounts", "Keys", as JSON',
      }),
    });
  }
  if (typeof parsed === 'object' && parsed !== null && textField(parsed, 'type') !== undefined)
    return parsed;
  throw new AppError('input/usage', `What is in ${what} is no key of a service account`, {
    hint: 'Make one in the console under "Service accounts", "Keys", as JSON',
  });
}

/** Google's library wraps what the service or the connection says. */
function tokenFailure(error: unknown): unknown {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof AppError) return at;
  }
  const status = Number(field(field(error, 'response'), 'status') ?? Number.NaN);
  if (status >= 500 || status === 429 || status === 408) {
    return new AppError(
      'storage/unavailable',
      `Cannot get an access token from Google: the server answers with status ${status}`,
      { cause: error },
    );
  }
  if (status >= 400) return refusedToken(oneLine(messageOf(error)), error);
  const translated = translateNetworkError(error, 'get an access token from Google');
  if (translated instanceof AppError) return translated;
  return new AppError(
    'storage/access-denied',
    `There are no usable credentials for Google: ${oneLine(messageOf(error))}`,
    {
      cause: error,
      hint: 'Give the key of a service account in the option "credentials-file" or in GOOGLE_APPLICATION_CREDENTIALS, or an interoperability key in GS_ACCESS_KEY_ID and GS_SECRET_ACCESS_KEY',
    },
  );
}

function refusedToken(reason: string, cause?: unknown): AppError {
  return new AppError(
    'storage/access-denied',
    `Google does not accept the credentials: ${reason}`,
    {
      hint: 'Look whether the key or the account was deleted or disabled, and at the clock of this machine',
      ...(cause !== undefined && { cause }),
    },
  );
}
