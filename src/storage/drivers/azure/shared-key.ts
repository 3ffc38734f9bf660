import { createHmac } from 'node:crypto';

import { AppError } from '../../../base/errors.ts';
import type { Secret } from '../../../base/secret.ts';

export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case; `x-ms-date` and `x-ms-version` among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body. */
  readonly contentLength: number;
}

/** The headers that are signed by position (Microsoft, "Authorize with Shared Key"). The date is in `x-ms-date`. */
const positions = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-type',
  'date',
  'if-modified-since',
  'if-match',
  'if-none-match',
  'if-unmodified-since',
  'range',
];

/** Signs requests with the key of a storage account. */
export class SharedKey {
  readonly #account: string;
  readonly #key: Buffer;

  /** Throws `input/usage` for a key that is not Base64. */
  constructor(account: string, key: Secret) {
    const text = key.reveal().trim();
    if (!/^[A-Za-z0-9+/]+={0,2}$/u.test(text) || text.length % 4 !== 0) {
      throw new AppError('input/usage', `The key of the account "${account}" is not in Base64`, {
        hint: 'Copy it whole from the page "Access keys" of the storage account; in a URL "+" and "/" are written %2B and %2F',
      });
    }
    this.#account = account;
    this.#key = Buffer.from(text, 'base64');
  }

  /** The value of the header `Authorization`. */
  authorization(request: SignedRequest): string {
    const signature = createHmac('sha256', this.#key)
      .update(stringToSign(this.#account, request), 'utf8')
      .digest('base64');
    return `SharedKey ${this.#account}:${signature}`;
  }
}

function stringToSign(
  account: string,
  { method, url, headers, contentLength }: SignedRequest,
): string {
  const standard = positions.map((name) =>
    name === 'content-length' && contentLength > 0 ? String(contentLength) : (headers[name] ?? ''),
  );
  const extra = Object.entries(headers)
    .filter(([name]) => name.startsWith('x-ms-'))
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}:${value.trim()}`);
  const query = Array.from(url.searchParams)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name.toLowerCase()}:${value}`);
  return [method, ...standard, ...extra, [`/${account}${url.pathname}`, ...query].join('\n')].join(
    '\n',
  );
}
