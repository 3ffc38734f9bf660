import { AppError } from '../../../base/errors.ts';
import { shownAddress } from '../../shown-address.ts';
import type { Secret } from '../../../base/secret.ts';
import { type ConnectionString, parseConnectionString } from './connection-string.ts';
import type { Identity } from './token-credential.ts';

/** The options that say which account, and who we are. */
export interface AccountSettings {
  readonly account: string | undefined;
  readonly key: Secret | undefined;
  readonly 'sas-token': Secret | undefined;
  readonly 'connection-string': Secret | undefined;
  readonly endpoint: string | undefined;
  readonly 'endpoint-suffix': string;
  readonly 'tenant-id': string | undefined;
  readonly 'client-id': string | undefined;
  readonly 'client-secret': Secret | undefined;
  readonly 'federated-token-file': string | undefined;
  readonly 'authority-host': string;
  readonly 'managed-identity': boolean;
}

export type Proof =
  | { readonly kind: 'key'; readonly key: Secret }
  | { readonly kind: 'sas'; readonly token: Secret }
  | { readonly kind: 'identity'; readonly identity: Identity };

export interface Account {
  readonly name: string;
  /** Without a slash at its end. */
  readonly endpoint: URL;
  readonly proof: Proof;
}

const loopback: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Puts together what the options say. A key is stronger than a SAS token, that than a connection string, and that than tokens; a connection
 * string for another account than the named one is left aside. Throws `input/usage` when something is missing.
 */
export function accountOf(
  settings: AccountSettings,
  environment: Readonly<Record<string, string | undefined>>,
): Account {
  const given = connectionStringFor(settings);
  const endpoint = endpointOf(settings, given);
  const name = settings.account ?? given?.account ?? accountIn(endpoint);
  const proof = proofOf(settings, given, environment);
  if (proof.kind !== 'key' && endpoint.protocol === 'http:' && !loopback.has(endpoint.hostname)) {
    throw new AppError(
      'input/usage',
      `A token must not go to "${endpoint.host}" without encryption`,
      { hint: 'Write the endpoint with https://' },
    );
  }
  return { name, endpoint, proof };
}

/** Which account a connection string names; nothing where that is said otherwise. */
export function placeInConnectionString(
  settings: AccountSettings,
): Readonly<Record<string, string>> {
  if (settings.endpoint !== undefined || settings.account !== undefined) return {};
  const endpoint = connectionStringFor(settings)?.endpoint;
  return endpoint === undefined ? {} : { endpoint: shownAddress(endpoint) };
}

function connectionStringFor(settings: AccountSettings): ConnectionString | undefined {
  const text = settings['connection-string'];
  if (text === undefined) return undefined;
  const parsed = parseConnectionString(text);
  const { account } = settings;
  const isOther =
    account !== undefined && parsed.account !== undefined && account !== parsed.account;
  return isOther ? undefined : parsed;
}

function endpointOf(settings: AccountSettings, given: ConnectionString | undefined): URL {
  const { account } = settings;
  const text =
    settings.endpoint ??
    given?.endpoint ??
    (account === undefined ? undefined : `${account}.blob.${settings['endpoint-suffix']}`);
  if (text === undefined) {
    throw new AppError(
      'input/usage',
      'The destination does not say which storage account it is in',
      {
        hint: 'Add the option "account", write azure://ACCOUNT.blob.core.windows.net/CONTAINER, or set AZURE_STORAGE_CONNECTION_STRING',
      },
    );
  }
  const url = URL.parse(/^https?:\/\//iu.test(text) ? text : `https://${text}`);
  if (url === null)
    throw new AppError(
      'input/usage',
      `The endpoint "${shownAddress(text)}" is no address of a server`,
    );
  url.pathname = url.pathname.replace(/\/+$/u, '');
  url.search = '';
  url.hash = '';
  return url;
}

/** `https://ACCOUNT.blob.core.windows.net`, or `http://127.0.0.1:10000/ACCOUNT` as emulators have it. */
function accountIn(endpoint: URL): string {
  const inPath = endpoint.pathname.split('/').find((part) => part !== '');
  return inPath ?? endpoint.hostname.split('.', 1)[0] ?? '';
}

function proofOf(
  settings: AccountSettings,
  given: ConnectionString | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Proof {
  if (settings.key !== undefined) return { kind: 'key', key: settings.key };
  const sasToken = settings['sas-token'] ?? given?.sasToken;
  if (settings['sas-token'] === undefined && given?.key !== undefined)
    return { kind: 'key', key: given.key };
  if (sasToken !== undefined) return { kind: 'sas', token: sasToken };
  const identity = identityOf(settings, environment);
  if (identity !== undefined) return { kind: 'identity', identity };
  throw new AppError('input/usage', 'There are no credentials for the storage account', {
    hint: 'Give the option "key", "sas-token" or "connection-string", "client-secret" with "tenant-id" and "client-id", or "managed-identity"; or set AZURE_STORAGE_KEY and the like',
  });
}

function identityOf(
  settings: AccountSettings,
  environment: Readonly<Record<string, string | undefined>>,
): Identity | undefined {
  const tenant = settings['tenant-id'];
  const client = settings['client-id'];
  const authority = settings['authority-host'];
  if (tenant !== undefined && client !== undefined && !settings['managed-identity']) {
    const secret = settings['client-secret'];
    if (secret !== undefined) return { kind: 'client-secret', authority, tenant, client, secret };
    const file = settings['federated-token-file'];
    if (file !== undefined) return { kind: 'workload', authority, tenant, client, file };
  }
  if (!settings['managed-identity']) return undefined;
  const url = environment['IDENTITY_ENDPOINT'];
  const header = environment['IDENTITY_HEADER'];
  return {
    kind: 'managed',
    client,
    endpoint: url && header ? { url, header } : undefined,
  };
}
