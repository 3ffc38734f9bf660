import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import type { Secret } from '../../../base/secret.ts';
import type { HttpClient, HttpResponse } from '../../network/http-client.ts';
import { SharedResult } from '../../network/shared-result.ts';
import { AnswerFields } from './answer-fields.ts';
import { type B2Refusal, b2Refusal } from './translate-error.ts';

export interface B2Credentials {
  readonly endpoint: string;
  readonly keyId: string;
  readonly applicationKey: Secret;
}

/** What `b2_authorize_account` gives: a token for a day, where to call, and what the key may do. */
export interface Authorization {
  readonly token: string;
  readonly accountId: string;
  readonly apiUrl: string;
  readonly downloadUrl: string;
  /** Bytes; parts of large files must not be smaller. */
  readonly smallestPart: number;
  readonly capabilities: ReadonlySet<string>;
  /** The only bucket that the key is for; without a name, that bucket is gone. */
  readonly bucket: { readonly id: string; readonly name: string | undefined } | undefined;
  /** The only names that the key is for. */
  readonly namePrefix: string;
}

/** Calls the B2 API in the name of one application key. */
export class B2Account {
  readonly #client: HttpClient;
  readonly #credentials: B2Credentials;
  readonly #authorization = new SharedResult(() => this.#authorize());

  constructor(client: HttpClient, credentials: B2Credentials) {
    this.#client = client;
    this.#credentials = credentials;
  }

  async authorization(options: CallOptions = {}): Promise<Authorization> {
    return await this.#authorization.get(options);
  }

  /** One operation (`b2_list_buckets`) that `action` needs; rejects with an `AppError`, or gives the refusal to `refused` first. */
  async call(
    operation: string,
    fields: Readonly<Record<string, unknown>>,
    action: string,
    options: CallOptions & { readonly accepts?: readonly string[] } = {},
  ): Promise<AnswerFields | undefined> {
    const { signal, accepts = [] } = options;
    const outcome = await this.withToken(
      ({ token, apiUrl }) =>
        this.#client.request({
          method: 'POST',
          url: `${apiUrl}/b2api/v2/${operation}`,
          headers: { authorization: token, 'content-type': 'application/json' },
          body: JSON.stringify(fields),
          action,
          signal,
        }),
      action,
      [200],
      { signal },
    );
    if ('error' in outcome) {
      if (accepts.includes(outcome.code)) return undefined;
      throw outcome.error;
    }
    return new AnswerFields(await outcome.json(), action);
  }

  /** Sends a request with a token, and once more when the token turns out to have ended. */
  async withToken(
    send: (authorization: Authorization) => Promise<HttpResponse>,
    action: string,
    expected: readonly number[],
    options: CallOptions,
  ): Promise<HttpResponse | B2Refusal> {
    const known = await this.authorization(options);
    const response = await send(known);
    if (expected.includes(response.status)) return response;
    const refusal = await b2Refusal(response, action);
    if (!isTokenRefusal(refusal)) return refusal;
    await this.#authorization.forget(known);
    const again = await send(await this.authorization(options));
    return expected.includes(again.status) ? again : await b2Refusal(again, action);
  }

  async #authorize(): Promise<Authorization> {
    const action = 'sign in to Backblaze B2';
    const { endpoint, keyId, applicationKey } = this.#credentials;
    const basic = Buffer.from(`${keyId}:${applicationKey.reveal()}`).toString('base64');
    const response = await this.#client.request({
      method: 'GET',
      url: `${endpoint}/b2api/v2/b2_authorize_account`,
      headers: { authorization: `Basic ${basic}` },
      action,
    });
    if (response.status !== 200) {
      const { error } = await b2Refusal(response, action);
      throw response.status === 401 ? wrongKey(action, error) : error;
    }
    const answer = new AnswerFields(await response.json(), action);
    const allowed = answer.object('allowed');
    const bucketId = allowed.optionalText('bucketId');
    return {
      token: answer.text('authorizationToken'),
      accountId: answer.text('accountId'),
      apiUrl: answer.text('apiUrl'),
      downloadUrl: answer.text('downloadUrl'),
      smallestPart: answer.number('absoluteMinimumPartSize'),
      capabilities: new Set(allowed.texts('capabilities')),
      bucket:
        bucketId === undefined
          ? undefined
          : { id: bucketId, name: allowed.optionalText('bucketName') },
      namePrefix: allowed.optionalText('namePrefix') ?? '',
    };
  }
}

/** What an answer of 401 means here alone: it is not about rights yet. */
function wrongKey(action: string, cause: AppError): AppError {
  return new AppError(
    'storage/access-denied',
    `Cannot ${action}: the key or its identifier is wrong, or the key was deleted`,
    {
      cause,
      details: cause.details,
      hint: 'Look at both (B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY) on the page "Application Keys" of Backblaze',
    },
  );
}

/** Whether a new token helps; 401 also says that the key lacks a right. */
export function isTokenRefusal({ status, code }: B2Refusal): boolean {
  return status === 401 && (code === 'expired_auth_token' || code === 'bad_auth_token');
}
