import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { testCertificate } from './certificate.ts';
import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

const run = promisify(execFile);
const modules = '/usr/lib/apache2/modules';

/** Apache with WebDAV at `/dav` (Basic) and `/digest` (Digest), both of them of the same data. */
export interface ApacheServer extends TestServer {
  /** The same over TLS. */
  readonly tlsPort: number;
  /** The same with a certificate that has expired. */
  readonly expiredPort: number;
  /** May do everything. */
  readonly user: string;
  readonly password: string;
  /** May only read. */
  readonly reader: { readonly user: string; readonly password: string };
  /** PEM file; the certificate signs itself. */
  readonly certificate: string;
  /** Where what is below `/dav` and `/digest` lies. */
  readonly data: string;
}

/** Programs and files without which it cannot run. */
export const apachePrograms = ['apache2', 'openssl', 'mod_dav.so', 'mod_auth_digest.so'];

const user = 'backup';
const password = 's3cret: äöü';
const reader = { user: 'reader', password: 'only-look' };
const realm = 'test';

/** Starts Apache on free ports. `data` is where its files lie, in its own directory by default. */
export async function startApache(
  settings: { readonly data?: string } = {},
): Promise<ApacheServer> {
  const directory = await serverDirectory();
  const data = settings.data ?? path.join(directory, 'data');
  const [port, tlsPort, expiredPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const valid = await testCertificate(directory);
  const expired = await testCertificate(directory, { expired: true });
  const { uid, gid } = await webUser();
  for (const folder of [data, path.join(directory, 'state')]) {
    await mkdir(folder, { recursive: true });
    await chown(folder, uid, gid);
  }
  await writeFile(path.join(directory, 'basic'), await basicUsers());
  await writeFile(path.join(directory, 'digest'), digestUsers());
  const configuration = path.join(directory, 'apache.conf');
  await writeFile(
    configuration,
    configurationOf({ directory, data, ports: [port, tlsPort, expiredPort], valid, expired }),
  );
  const server = await startServer({
    directory,
    port,
    programs: [{ argv: ['apache2', '-DFOREGROUND', '-f', configuration] }],
  });
  return {
    ...server,
    tlsPort,
    expiredPort,
    user,
    password,
    reader,
    certificate: valid.certificate,
    data,
  };
}

export const serverKind: ServerKind<ApacheServer> = {
  name: 'apache',
  programs: apachePrograms,
  start: startApache,
  usage: (server) =>
    `webdav://${user}@localhost:${server.port}/dav/place, HOLDFAST_WEBDAV_PASSWORD='${password}'; /digest for Digest, webdavs:// at port ${server.tlsPort} with ca-file=${server.certificate}`,
};

function configurationOf({
  directory,
  data,
  ports: [port, tlsPort, expiredPort],
  valid,
  expired,
}: {
  readonly directory: string;
  readonly data: string;
  readonly ports: readonly [number, number, number];
  readonly valid: { readonly certificate: string; readonly key: string };
  readonly expired: { readonly certificate: string; readonly key: string };
}): string {
  const names = [
    'mpm_event',
    'authn_core',
    'authn_file',
    'authz_core',
    'authz_user',
    'auth_basic',
    'auth_digest',
    'alias',
    'dav',
    'dav_fs',
    'dav_lock',
    'setenvif',
    'socache_shmcb',
    'ssl',
  ];
  const encrypted = (
    at: number,
    { certificate, key }: { readonly certificate: string; readonly key: string },
  ): string => `
<VirtualHost 127.0.0.1:${at}>
 SSLEngine on
 SSLCertificateFile ${certificate}
 SSLCertificateKeyFile ${key}
</VirtualHost>`;
  const rights = `
 <LimitExcept GET HEAD OPTIONS PROPFIND>
  Require user ${user}
 </LimitExcept>
 <Limit GET HEAD OPTIONS PROPFIND>
  Require valid-user
 </Limit>`;
  return `ServerRoot ${directory}
ServerName localhost
PidFile ${directory}/state/pid
${[port, tlsPort, expiredPort].map((at) => `Listen 127.0.0.1:${at}`).join('\n')}
${names.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`).join('\n')}
User www-data
Group www-data
ErrorLog ${directory}/state/error
DocumentRoot ${data}
DavLockDB ${directory}/state/locks
Mutex file:${directory}/state default
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 128
Alias /dav ${data}
Alias /digest ${data}
Redirect permanent /moved http://localhost:${port}/dav
${encrypted(tlsPort, valid)}
${encrypted(expiredPort, expired)}
<Location /dav>
 Dav On
 AuthType Basic
 AuthName ${realm}
 AuthUserFile ${directory}/basic
${rights}
</Location>
<Location /digest>
 Dav On
 AuthType Digest
 AuthName ${realm}
 AuthDigestProvider file
 AuthUserFile ${directory}/digest
${rights}
</Location>
`;
}

async function basicUsers(): Promise<string> {
  const lines = [{ user, password }, reader].map(async (one) => {
    const { stdout } = await run('openssl', ['passwd', '-apr1', one.password]);
    return `${one.user}:${stdout.trim()}\n`;
  });
  return (await Promise.all(lines)).join('');
}

function digestUsers(): string {
  return [{ user, password }, reader]
    .map((one) => {
      const hash = createHash('md5').update(`${one.user}:${realm}:${one.password}`).digest('hex');
      return `${one.user}:${realm}:${hash}\n`;
    })
    .join('');
}

/** Apache gives up the rights of root for those of this user. */
async function webUser(): Promise<{ readonly uid: number; readonly gid: number }> {
  const { stdout } = await run('id', ['-u', 'www-data']);
  const group = await run('id', ['-g', 'www-data']);
  return { uid: Number(stdout), gid: Number(group.stdout) };
}
