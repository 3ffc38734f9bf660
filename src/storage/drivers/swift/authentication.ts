import { AppError } from '../../../base/errors.ts';
import { shownAddress } from '../../shown-address.ts';
import { keystoneV2 } from './keystone-v2.ts';
import { keystoneV3 } from './keystone-v3.ts';
import type { Authenticate } from './swift-access.ts';
import type { SwiftOptions } from './swift-options.ts';
import { tempAuth } from './temp-auth.ts';

export interface Authentication {
  /** The server to which the credentials go. */
  readonly server: URL;
  readonly authenticate: Authenticate;
}

const rackspaceUrl = 'https://identity.api.rackspacecloud.com/v2.0';

/** How to get a token with what was given. Throws `input/usage` when something is missing. */
export function authenticationOf(options: SwiftOptions): Authentication {
  const preauthenticated = preauthenticatedBy(options);
  if (preauthenticated !== undefined) return preauthenticated;
  const isRackspace = options.provider === 'rackspace';
  const written = options['auth-url'] ?? (isRackspace ? rackspaceUrl : undefined);
  if (written === undefined) {
    throw new AppError('input/usage', 'The option "auth-url" is missing', {
      hint: 'Give the address of Keystone or TempAuth, as with SWIFT_AUTHURL or OS_AUTH_URL; your provider names it',
    });
  }
  const server = parsed('auth-url', written);
  const version = isRackspace ? 2 : versionOf(options, server);
  const base = `${server.origin}${server.pathname.replace(/\/+$/u, '').replace(/\/tokens$/u, '')}`;
  if (version === 1) return { server, authenticate: tempAuth(server.href, options) };
  if (version === 2)
    return { server, authenticate: keystoneV2(withVersion(base, 'v2.0'), options) };
  return {
    server,
    authenticate: keystoneV3(withVersion(base.replace(/\/auth$/u, ''), 'v3'), options),
  };
}

function preauthenticatedBy(options: SwiftOptions): Authentication | undefined {
  const url = options['storage-url'];
  if (url === undefined || options.token === undefined) return undefined;
  // With more than that a new token can be had when this one has expired.
  if (options.password !== undefined || options['application-credential-secret'] !== undefined)
    return undefined;
  const storageUrl = parsed('storage-url', url).href.replace(/\/+$/u, '');
  const token = options.token.reveal();
  let used = false;
  return {
    server: new URL(storageUrl),
    authenticate: async () => {
      if (!used) {
        used = true;
        return { token, storageUrl };
      }
      throw new AppError(
        'storage/access-denied',
        `The token for "${new URL(storageUrl).host}" is wrong or has expired`,
        { hint: 'Get a new one, or give user and password and the option "auth-url"' },
      );
    },
  };
}

function versionOf(options: SwiftOptions, server: URL): 1 | 2 | 3 {
  const written = options['auth-version'];
  const version = /^v?([123])(?:\.[0-9])?$/iu.exec(written ?? '')?.[1];
  if (version !== undefined) return version === '1' ? 1 : version === '2' ? 2 : 3;
  if (written !== undefined) {
    throw new AppError('input/usage', `The option "auth-version" is wrong: "${written}"`, {
      hint: 'Write 1, 2 or 3',
    });
  }
  if (/\/v2(?:\.[0-9])?\/?/u.test(server.pathname)) return 2;
  return /\/v1(?:\.[0-9])?(?:\/|$)/u.test(server.pathname) ? 1 : 3;
}

/** Keystone's address is often told without the version. */
function withVersion(base: string, version: string): string {
  return /\/v[0-9](?:\.[0-9])?$/u.test(base) ? base : `${base}/${version}`;
}

function parsed(option: string, text: string): URL {
  const url = URL.parse(text);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) {
    if (url.username === '' && url.password === '') return url;
    throw new AppError('input/usage', `The option "${option}" must not hold user and password`);
  }
  throw new AppError(
    'input/usage',
    `The option "${option}" is no address: "${shownAddress(text)}"`,
    {
      hint: 'Write it as https://host:port/path',
    },
  );
}
