import { createHash, createHmac } from 'node:crypto';

import type { Clock } from '../../../base/clock.ts';
import type { Secret } from '../../../base/secret.ts';
import type { Authorizer } from './authorizer.ts';

const algorithm = 'GOOG4-HMAC-SHA256';

/**
 * Signatures with an interoperability key. The body is not part of them: over TLS nobody can change it, and the checksum of what is
 * stored is compared. Source: Cloud Storage, "V4 signing process" and "Signatures".
 */
export class HmacKeys implements Authorizer {
  readonly #keyId: string;
  readonly #secret: Secret;
  readonly #clock: Clock;

  constructor(keyId: string, secret: Secret, clock: Clock) {
    this.#keyId = keyId;
    this.#secret = secret;
    this.#clock = clock;
  }

  async headers({
    method,
    url,
    headers,
  }: {
    readonly method: string;
    readonly url: URL;
    readonly headers: Readonly<Record<string, string>>;
  }): Promise<Readonly<Record<string, string>>> {
    const time = new Date(this.#clock.now()).toISOString().replaceAll(/[-:]|\.[0-9]{3}/gu, '');
    const date = time.slice(0, 8);
    const added = { 'x-goog-date': time, 'x-goog-content-sha256': 'UNSIGNED-PAYLOAD' };
    const signed = Object.entries({ ...headers, ...added, host: url.host })
      .filter(([name]) => name === 'host' || name === 'content-md5' || name.startsWith('x-goog-'))
      .toSorted(([left], [right]) => (left < right ? -1 : 1));
    const names = signed.map(([name]) => name).join(';');
    const canonical = [
      method,
      url.pathname,
      canonicalQuery(url),
      ...signed.map(([name, value]) => `${name}:${value.trim().replaceAll(/\s+/gu, ' ')}`),
      '',
      names,
      added['x-goog-content-sha256'],
    ].join('\n');
    const place = `${date}/auto/storage/goog4_request`;
    const digest = createHash('sha256').update(canonical).digest('hex');
    const key = [date, 'auto', 'storage', 'goog4_request'].reduce<Buffer>(
      (above, part) => createHmac('sha256', above).update(part).digest(),
      Buffer.from(`GOOG4${this.#secret.reveal()}`),
    );
    const signature = createHmac('sha256', key)
      .update([algorithm, time, place, digest].join('\n'))
      .digest('hex');
    return {
      ...added,
      authorization: `${algorithm} Credential=${this.#keyId}/${place}, SignedHeaders=${names}, Signature=${signature}`,
    };
  }

  async refused(): Promise<boolean> {
    return false;
  }
}

function canonicalQuery(url: URL): string {
  return url.search
    .slice(1)
    .split('&')
    .filter(Boolean)
    .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
    .toSorted()
    .join('&');
}
