import { createHash, timingSafeEqual } from 'node:crypto';

import type { MiddlewareHandler } from 'hono';

import type { Secret } from '../base/secret.ts';
import { HttpError } from './error-answer.ts';

/** Lets in who knows the token: `Authorization: Bearer …`. How long the comparison takes tells nothing about it. */
export function bearerGuard(token: Secret): MiddlewareHandler {
  const wanted = digest(token.reveal());
  return async (context, next) => {
    const [, given] = /^Bearer +(\S+) *$/iu.exec(context.req.header('authorization') ?? '') ?? [];
    if (given === undefined || !timingSafeEqual(digest(given), wanted)) {
      throw new HttpError(
        401,
        'unauthorized',
        given === undefined ? 'A token is needed' : 'The token is wrong',
        {
          hint: 'Send "Authorization: Bearer TOKEN"; the token is in the file "api-token" of the state directory',
          headers: { 'www-authenticate': 'Bearer realm="holdfast"' },
        },
      );
    }
    await next();
  };
}

/** Digests are of one length, which `timingSafeEqual` needs. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Refuses calls under another name than the server's own. */
export function hostGuard(names: readonly string[] | undefined): MiddlewareHandler {
  const known = names?.map((name) => name.toLowerCase());
  return async (context, next) => {
    const host = context.req.header('host') ?? new URL(context.req.url).host;
    const name = host.toLowerCase().replace(/:\d+$/u, '');
    if (known !== undefined && !known.includes(name)) {
      throw new HttpError(421, 'misdirected', `This server is not called "${name.slice(0, 100)}"`, {
        hint: 'Use 127.0.0.1 or localhost, or let it listen on the address that is meant',
      });
    }
    await next();
  };
}

/** Nothing of this is for a browser to embed, guess at or keep. */
export const securityHeaders: MiddlewareHandler = async (context, next) => {
  await next();
  const { headers } = context.res;
  for (const [name, value] of Object.entries(fixedHeaders)) {
    if (!headers.has(name)) headers.set(name, value);
  }
};

const fixedHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};
