import { AppError } from '../../base/errors.ts';
import type { StorageOption } from '../option-schema.ts';
import { duplicatiHandler } from './duplicati-authid.ts';
import { tlsOptions } from './tls.ts';

/** What every destination with OAuth can be told besides its own client, tokens and endpoint. */
export const oauthOptions = [
  {
    name: 'authid',
    kind: 'secret',
    place: true,
    help: "Duplicati's AuthID, instead of a refresh token: its handler gives the access tokens",
  },
  {
    name: 'oauth-url',
    kind: 'string',
    help: 'The handler for the AuthID',
    default: duplicatiHandler,
  },
  // A fingerprint would be that of one server; these services are many.
  tlsOptions[0],
] as const satisfies readonly StorageOption[];

/**
 * An endpoint from the options, without a slash at its end. Tokens go there, so it must be `https`, or on this machine. Throws
 * `input/usage`.
 */
export function checkedEndpoint(option: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(url?.hostname ?? '');
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && local))
    return text.replace(/\/+$/u, '');
  throw new AppError('input/usage', `The option "${option}" must be an address with "https://"`);
}

/** The folder in a URL without a host: `dropbox://a/b` and `dropbox:///a/b` are the same. */
export function folderOf({
  host,
  path,
}: {
  readonly host?: string;
  readonly path: string;
}): string {
  return `${host ?? ''}${path}`
    .split('/')
    .filter((part) => part !== '')
    .join('/');
}
