import { AppError } from '../../../base/errors.ts';
import { defineDriver, type DriverContext } from '../../driver.ts';
import { HttpClient } from '../../network/http-client.ts';
import { ObjectKeys } from '../../network/object-keys.ts';
import { tlsOptions, type TlsSettings, tlsTrust } from '../../network/tls.ts';
import type { OptionsOf, RawValue } from '../../option-schema.ts';
import type { DestinationUrl } from '../../url.ts';
import { type Account, accountOf, placeInConnectionString } from './account.ts';
import { azureOptions } from './azure-options.ts';
import { AzureConnection, type Credential } from './azure-connection.ts';
import { AzureStorage } from './azure-storage.ts';
import { SharedKey } from './shared-key.ts';
import { TokenCredential } from './token-credential.ts';

type AzureOptions = OptionsOf<typeof azureOptions>;

/** More than calls at once: a large object goes in several requests. */
const mostConnections = 64;

export const azureDriver = defineDriver({
  scheme: 'azure',
  title: 'Azure Blob Storage',
  urlForms: [
    'azure://CONTAINER[/PREFIX]?account=ACCOUNT',
    'azure://ACCOUNT.blob.core.windows.net/CONTAINER[/PREFIX]',
  ],
  testedAgainst: 'Azurite',
  options: [...azureOptions, ...tlsOptions],
  fromUrl,
  placeIn: placeInConnectionString,
  async open(options, context) {
    checkOptions(options);
    const keys = new ObjectKeys(options.prefix);
    const account = accountOf(options, context.environment);
    const { endpoint } = account;
    const trust = await tlsTrustOf(options, endpoint, context);
    const { environment, clock } = context;
    const client = new HttpClient({ trust, connections: mostConnections, environment });
    const clients = [client];
    const credential = await credentialOf(account, options, context, clients);
    const { immutability } = options;
    return new AzureStorage({
      location: `azure://${endpoint.host}${endpoint.pathname.replace(/\/$/u, '')}/${options.container}/${options.prefix}`,
      connection: new AzureConnection({
        client,
        endpoint,
        container: options.container,
        credential,
        clock,
      }),
      keys,
      clock,
      partSize: options['part-size'],
      createContainer: options['create-container'],
      tier: options.tier,
      immutability:
        immutability === undefined
          ? undefined
          : { mode: immutability, period: options['immutability-period'] ?? 0 },
      clients,
    });
  },
});

/** `azure://CONTAINER/PREFIX`, or with the host of the Blob service before the container. */
function fromUrl(url: DestinationUrl): Readonly<Record<string, RawValue>> {
  const { host = '', port, path, user, password } = url;
  const parts = path.split('/').filter((part) => part !== '');
  const isAddress = host.includes('.');
  const [container = '', ...prefix] = isAddress ? parts : [host, ...parts];
  if (container === '') {
    throw new AppError('input/usage', 'The URL names no container', {
      hint: 'Write azure://CONTAINER/PREFIX?account=ACCOUNT',
    });
  }
  return {
    container,
    prefix: prefix.join('/'),
    ...(isAddress && { endpoint: `https://${host}${port === undefined ? '' : `:${port}`}` }),
    ...(user !== undefined && { account: user }),
    ...(password !== undefined && { key: password }),
  };
}

function checkOptions(options: AzureOptions): void {
  const { container, tier, immutability } = options;
  if (!/^(?:\$root|[a-z0-9](?:-?[a-z0-9]){2,62})$/u.test(container)) {
    throw new AppError('input/usage', `"${container}" cannot be the name of a container`, {
      hint: 'It has 3 to 63 small letters, digits and single hyphens',
    });
  }
  if (tier === 'archive' && !options['allow-archive']) {
    throw new AppError(
      'input/usage',
      'The archive tier is refused: what is there cannot be read, so nothing could be restored, checked or pruned for up to 15 hours',
      {
        hint: 'Use "cold", which is read at once; if you know what you do, add the option "allow-archive"',
      },
    );
  }
  const period = options['immutability-period'];
  if ((immutability === undefined) !== (period === undefined)) {
    throw new AppError(
      'input/usage',
      'The options "immutability" and "immutability-period" belong together',
    );
  }
  const size = options['part-size'];
  if (size < 64 * 1024 || size > 4000 * 1024 ** 2) {
    throw new AppError('input/usage', 'The option "part-size" must be from 64 KiB to 4000 MiB');
  }
}

async function tlsTrustOf(
  settings: TlsSettings,
  { protocol, hostname, port }: URL,
  { signal }: DriverContext,
): Promise<Awaited<ReturnType<typeof tlsTrust>>> {
  if (protocol !== 'https:') return {};
  return await tlsTrust(settings, { host: hostname, port: Number(port || '443'), signal });
}

async function credentialOf(
  { name, proof }: Account,
  options: AzureOptions & TlsSettings,
  context: DriverContext,
  clients: AsyncDisposable[],
): Promise<Credential> {
  if (proof.kind === 'key') return { kind: 'key', key: new SharedKey(name, proof.key) };
  if (proof.kind === 'sas') return { kind: 'sas', token: proof.token };
  const { environment, clock } = context;
  const authority = new URL(options['authority-host']);
  // The fingerprint is that of the storage; the authority has a certificate of its own.
  const trust = await tlsTrustOf(
    { 'ca-file': options['ca-file'], 'certificate-fingerprint': undefined },
    authority,
    context,
  );
  // What gives tokens to a machine is the machine's own, and behind no proxy.
  const proxies = proof.identity.kind === 'managed' ? {} : environment;
  const client = new HttpClient({ trust, connections: 2, environment: proxies });
  clients.push(client);
  return {
    kind: 'identity',
    credential: new TokenCredential(proof.identity, client, clock),
  };
}
