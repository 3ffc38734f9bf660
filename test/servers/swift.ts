import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { testCertificate } from './certificate.ts';
import type { ServerKind } from './server-kind.ts';
import {
  answers,
  freePort,
  type ServerProgram,
  serverDirectory,
  startServer,
  type TestServer,
} from './server.ts';
import {
  keystoneProgram,
  keystonePrograms,
  keystoneUser,
  prepareKeystone,
} from './swift-keystone.ts';

const run = promisify(execFile);

/** OpenStack Swift in one directory: a ring of one device, TempAuth (or Keystone) before it, and its S3 interface. */
export interface SwiftServer extends TestServer {
  /** Where TempAuth gives tokens; with `keystone`, where Keystone does (`…/v3`). */
  readonly authUrl: string;
  /** May do everything. */
  readonly user: string;
  readonly password: string;
  /** May only read the containers that let `test:reader` read (TempAuth only). */
  readonly reader: { readonly user: string; readonly password: string };
  /** With `keystone`: the project of `user` (its domain and the user's is `Default`) and the region in the catalogue. */
  readonly project: string;
  readonly region: string;
  /** Its interface for S3 clients (TempAuth only): no conditional writes, no versions that can be relied on. */
  readonly s3: {
    readonly endpoint: string;
    readonly region: string;
    readonly accessKey: string;
    readonly secretKey: string;
  };
  /** The certificate of the proxy, when it speaks TLS. */
  readonly certificate: string | undefined;
}

export interface SwiftSettings {
  /** Keystone gives the tokens instead of TempAuth; takes ten seconds. */
  readonly keystone?: boolean;
  /** The proxy speaks TLS, with a certificate that is valid or has expired. */
  readonly tls?: 'valid' | 'expired';
  /** Where the device lies; in the server's directory by default. */
  readonly device?: string;
  /** Seconds that a token of TempAuth is good for. */
  readonly tokenLife?: number;
}

/** Needed by every Swift server. */
export const swiftPrograms = [
  'swift-proxy-server',
  'swift-account-server',
  'swift-container-server',
  'swift-object-server',
  'swift-ring-builder',
  'memcached',
  '/etc/swift/swift.conf',
];

/** Needed besides by one with Keystone. */
export const swiftKeystonePrograms = [...swiftPrograms, ...keystonePrograms];

const location = 'us-east-1';
const administrator = { user: 'test:tester', password: 'testing' };
const reader = { user: 'test:reader', password: 'reading' };

/** Starts Swift on free ports; takes about three seconds. */
export async function startSwift(settings: SwiftSettings = {}): Promise<SwiftServer> {
  const directory = await serverDirectory();
  const [port, account, container, object, cache, identity] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const ports = { account, container, object };
  const devices = settings.device ?? path.join(directory, 'node');
  const configuration = path.join(directory, 'etc');
  await Promise.all(
    [configuration, path.join(devices, 'd1'), path.join(directory, 'cache')].map((name) =>
      mkdir(name, { recursive: true }),
    ),
  );
  await Promise.all(
    Object.entries(ports).map(async ([name, nodePort]) => {
      await writeFile(
        path.join(configuration, `${name}-server.conf`),
        nodeConfiguration(name, nodePort, { directory, configuration, devices }),
      );
      const ring = (...argv: readonly string[]): Promise<unknown> =>
        run('swift-ring-builder', [`${name}.builder`, ...argv], { cwd: configuration });
      await ring('create', '4', '1', '0');
      await ring(
        'add',
        '--region',
        '1',
        '--zone',
        '1',
        '--ip',
        '127.0.0.1',
        '--port',
        String(nodePort),
        '--device',
        'd1',
        '--weight',
        '1',
      );
      await ring('rebalance');
    }),
  );
  const certificate =
    settings.tls && (await testCertificate(directory, { expired: settings.tls === 'expired' }));
  await writeFile(
    path.join(configuration, 'proxy-server.conf'),
    proxyConfiguration({ port, cache, identity, configuration, certificate, settings }),
  );
  const scheme = certificate === undefined ? 'http' : 'https';
  const endpoint = `${scheme}://127.0.0.1:${port}`;
  if (settings.keystone === true)
    await prepareKeystone(directory, { port: identity, swift: endpoint });
  const server = await startServer({
    directory,
    port,
    programs: [
      { argv: ['memcached', '-u', 'nobody', '-l', '127.0.0.1', '-p', String(cache), '-m', '16'] },
      ...(settings.keystone === true ? [keystoneProgram(directory, identity)] : []),
      ...['account', 'container', 'object', 'proxy'].map((name): ServerProgram => ({
        argv: [`swift-${name}-server`, path.join(configuration, `${name}-server.conf`)],
      })),
    ],
    // Seven Python programs on a machine with other things to do.
    patience: 90_000,
    ready: async () => {
      const all = [port, account, container, object, cache];
      if (settings.keystone === true) all.push(identity);
      return (await Promise.all(all.map(answers))).every(Boolean);
    },
  });
  return Object.assign(server, {
    authUrl:
      settings.keystone === true ? `http://127.0.0.1:${identity}/v3` : `${endpoint}/auth/v1.0`,
    user: settings.keystone === true ? keystoneUser.name : administrator.user,
    password: settings.keystone === true ? keystoneUser.password : administrator.password,
    reader,
    project: keystoneUser.project,
    region: keystoneUser.region,
    s3: {
      endpoint,
      region: location,
      accessKey: administrator.user,
      secretKey: administrator.password,
    },
    certificate: certificate?.certificate,
  });
}

function nodeConfiguration(
  name: string,
  port: number,
  {
    directory,
    configuration,
    devices,
  }: Readonly<Record<'directory' | 'configuration' | 'devices', string>>,
): string {
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = root
swift_dir = ${configuration}
devices = ${devices}
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
recon_cache_path = ${path.join(directory, 'cache')}
conn_timeout = 20
node_timeout = 60
container_update_timeout = 60
log_level = WARNING
[pipeline:main]
pipeline = ${name}-server
[app:${name}-server]
use = egg:swift#${name}
`;
}

function proxyConfiguration({
  port,
  cache,
  identity,
  configuration,
  certificate,
  settings,
}: {
  readonly port: number;
  readonly cache: number;
  readonly identity: number;
  readonly configuration: string;
  readonly certificate: { readonly certificate: string; readonly key: string } | undefined;
  readonly settings: SwiftSettings;
}): string {
  const authority = settings.keystone === true ? 'authtoken keystoneauth' : 's3api tempauth';
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = root
swift_dir = ${configuration}
log_level = WARNING
${certificate === undefined ? '' : `cert_file = ${certificate.certificate}\nkey_file = ${certificate.key}\n`}
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk tempurl ${authority} copy container-quotas account-quotas slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
# A machine with other things to do is slow, and not broken.
conn_timeout = 20
node_timeout = 60
recoverable_node_timeout = 60
error_suppression_limit = 1000000
allow_account_management = true
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${cache}
connect_timeout = 10
io_timeout = 20
pool_timeout = 20
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:tempurl]
use = egg:swift#tempurl
[filter:s3api]
use = egg:swift#s3api
location = ${location}
dns_compliant_bucket_names = false
min_segment_size = 1048576
[filter:tempauth]
use = egg:swift#tempauth
token_life = ${settings.tokenLife ?? 86_400}
storage_url_scheme = ${certificate === undefined ? 'http' : 'https'}
user_test_tester = testing .admin
user_test_reader = reading
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = http://127.0.0.1:${identity}/v3
auth_url = http://127.0.0.1:${identity}/v3
auth_type = password
project_domain_id = default
user_domain_id = default
project_name = ${keystoneUser.project}
username = ${keystoneUser.name}
password = ${keystoneUser.password}
delay_auth_decision = True
cache = swift.cache
include_service_catalog = False
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
[filter:copy]
use = egg:swift#copy
[filter:container-quotas]
use = egg:swift#container_quotas
[filter:account-quotas]
use = egg:swift#account_quotas
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
`;
}

export const serverKind: ServerKind<SwiftServer> = {
  name: 'swift',
  programs: swiftPrograms,
  start: () => startSwift(),
  usage: (server) =>
    `SWIFT_AUTHURL=${server.authUrl} SWIFT_USERNAME=${server.user} SWIFT_PASSWORD=${server.password} swift://CONTAINER?create-container; S3: ${server.s3.endpoint} with ${server.s3.accessKey} and ${server.s3.secretKey}`,
};
