import { createSign } from 'node:crypto';

import { AppError } from '../../../base/errors.ts';
import type { TokenGrant } from '../../network/oauth.ts';
import { requestToken, type TokenEndpoint } from '../../network/oauth-grants.ts';

export interface ServiceAccount {
  readonly email: string;
  /** PEM. */
  readonly privateKey: string;
  readonly keyId?: string;
}

/** Seconds that an assertion counts; Google takes at most an hour. */
const life = 3600;

/** The account in the JSON key that Google's console gives. Throws `input/usage`; `from` says where the text was. */
export function serviceAccountIn(text: string, from: string): ServiceAccount {
  let key: Readonly<Record<string, unknown>> | null;
  try {
    key = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
  } catch {
    // What the parser says may hold a part of the key.
    key = null;
  }
  const { client_email: email, private_key: privateKey, private_key_id: keyId } = key ?? {};
  if (typeof email === 'string' && typeof privateKey === 'string')
    return { email, privateKey, ...(typeof keyId === 'string' && { keyId }) };
  throw new AppError('input/usage', `${from} holds no key of a service account`, {
    hint: 'It must be the JSON file that the Google Cloud console makes under "Service accounts", "Keys"',
  });
}

/** Access tokens by an assertion that the account signs (RFC 7523); `subject` is the user in whose name it acts. */
export function serviceAccountGrant(
  endpoint: TokenEndpoint,
  account: ServiceAccount,
  { scope, subject }: { readonly scope: string; readonly subject?: string | undefined },
): TokenGrant {
  return (options) => {
    const now = Math.floor(endpoint.clock.now() / 1000);
    const header = { alg: 'RS256', typ: 'JWT', ...(account.keyId && { kid: account.keyId }) };
    const claims = {
      iss: account.email,
      scope,
      aud: endpoint.url,
      iat: now,
      exp: now + life,
      ...(subject !== undefined && { sub: subject }),
    };
    const signed = `${encoded(header)}.${encoded(claims)}`;
    return requestToken(
      endpoint,
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: `${signed}.${signatureOf(signed, account)}`,
      },
      options,
    );
  };
}

function signatureOf(text: string, { privateKey, email }: ServiceAccount): string {
  try {
    return createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url');
  } catch (cause) {
    throw new AppError('input/usage', `The private key of "${email}" cannot be used`, { cause });
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
}
