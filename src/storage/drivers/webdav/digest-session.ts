import { createHash } from 'node:crypto';

import { toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';
import type { Secret } from '../../../base/secret.ts';
import type { Challenge } from './challenge.ts';

/** How OpenSSL calls the algorithms of RFC 7616, section 3.3, the strongest first. */
const hashes: ReadonlyMap<string, string> = new Map([
  ['sha-512-256', 'sha512-256'],
  ['sha-256', 'sha256'],
  ['md5', 'md5'],
]);

export interface DigestUser {
  readonly user: string;
  readonly password: Secret;
}

/** One nonce of a server, used for request after request until the server takes it back (RFC 7616). */
export class DigestSession {
  readonly #user: DigestUser;
  readonly #challenge: Challenge;
  readonly #hash: string;
  readonly #qop: boolean;
  readonly #clientNonce: string;
  #nonce: string;
  #count = 0;
  /** Whether the server has accepted an answer: then a refusal is about the nonce, not about the password. */
  proven = false;

  private constructor(
    user: DigestUser,
    challenge: Challenge,
    {
      hash,
      qop,
      clientNonce,
    }: { readonly hash: string; readonly qop: boolean; readonly clientNonce: string },
  ) {
    this.#user = user;
    this.#clientNonce = clientNonce;
    this.#challenge = challenge;
    this.#hash = hash;
    this.#qop = qop;
    this.#nonce = challenge.parameters.get('nonce') ?? '';
  }

  /** A session for the strongest challenge that can be answered, if there is one. */
  static for(
    user: DigestUser,
    challenges: readonly Challenge[],
    clientNonce: string = toHex(systemRandom(16)),
  ): DigestSession | undefined {
    for (const [algorithm, hash] of hashes) {
      for (const challenge of challenges) {
        if (challenge.scheme !== 'digest' || !challenge.parameters.has('nonce')) continue;
        const asked = challenge.parameters.get('algorithm')?.toLowerCase() ?? 'md5';
        if (asked.replace(/-sess$/u, '') !== algorithm) continue;
        const qop = challenge.parameters
          .get('qop')
          ?.toLowerCase()
          .split(/[\s,]+/u);
        // "auth-int" would need a hash of the body before its first byte is sent.
        if (qop === undefined || qop.includes('auth'))
          return new DigestSession(user, challenge, { hash, qop: qop !== undefined, clientNonce });
      }
    }
    return undefined;
  }

  get nonce(): string {
    return this.#nonce;
  }

  /** The header `Authorization` for the next request; `uri` is the path exactly as it is sent. */
  authorize(method: string, uri: string): string {
    const { user, password } = this.#user;
    const realm = this.#challenge.parameters.get('realm') ?? '';
    const algorithm = this.#challenge.parameters.get('algorithm');
    const count = (this.#count += 1).toString(16).padStart(8, '0');
    const secret = this.#digest(user, realm, password.reveal());
    const key = /-sess$/iu.test(algorithm ?? '')
      ? this.#digest(secret, this.#nonce, this.#clientNonce)
      : secret;
    const request = this.#digest(method, uri);
    const response = this.#qop
      ? this.#digest(key, this.#nonce, count, this.#clientNonce, 'auth', request)
      : this.#digest(key, this.#nonce, request);
    const opaque = this.#challenge.parameters.get('opaque');
    return `Digest ${[
      // Headers are bytes; what is not ASCII goes as UTF-8.
      `username="${Buffer.from(user.replaceAll(/["\\]/gu, String.raw`\$&`), 'utf8').toString('latin1')}"`,
      `realm="${realm}"`,
      `nonce="${this.#nonce}"`,
      `uri="${uri}"`,
      ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
      ...(this.#qop ? ['qop=auth', `nc=${count}`, `cnonce="${this.#clientNonce}"`] : []),
      `response="${response}"`,
      ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
    ].join(', ')}`;
  }

  /** What the server says in `Authentication-Info` may name the nonce to go on with. */
  renew(information: string): void {
    const next = /\bnextnonce\s*=\s*"([^"]+)"/iu.exec(information)?.[1];
    if (next === undefined || next === this.#nonce) return;
    this.#nonce = next;
    this.#count = 0;
  }

  #digest(...parts: readonly string[]): string {
    return createHash(this.#hash).update(parts.join(':')).digest('hex');
  }
}
