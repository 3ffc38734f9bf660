import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { testCertificate } from './certificate.ts';
import type { ServerKind } from './server-kind.ts';
import { missingPrograms } from './required-programs.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

const run = promisify(execFile);

export interface EximServer extends TestServer {
  /** TLS from the first byte; `port` has STARTTLS. */
  readonly smtpsPort: number;
  readonly user: string;
  readonly password: string;
  /** The certificate, which signs itself. */
  readonly certificate: string;
  /** The mails that were delivered, oldest first, as they are. Delivery comes a moment after the server took a mail. */
  mails(): Promise<readonly string[]>;
  /** Waits until there are so many. */
  waitForMails(count: number): Promise<readonly string[]>;
  clear(): Promise<void>;
}

/** Why the tests with exim are left out; `false` when they can run. Under `CI` that is an error. */
export function noExim(environment: NodeJS.ProcessEnv = process.env): string | false {
  const missing = missingPrograms(['exim4', 'openssl'], environment);
  if (missing !== false || process.getuid?.() === 0) return missing;
  const reason = 'exim4 listens only for root';
  if (environment['CI'] === 'true') throw new Error(`Under CI this test must run, but ${reason}`);
  return reason;
}

/**
 * Starts exim4, which delivers everything into one maildir and sends nothing out. AUTH is offered only inside TLS and required, except for recipients
 * at `open.test`. `temp@` is put off (451), `reject@` refused (550).
 */
export async function startExim(): Promise<EximServer> {
  const directory = await serverDirectory();
  const of = (name: string): string => path.join(directory, name);
  const { certificate, key } = await testCertificate(directory);
  for (const name of ['spool', 'exim-log', 'mail', 'mail/new', 'mail/cur', 'mail/tmp'])
    await mkdir(of(name));
  const [port, smtpsPort] = [await freePort(), await freePort()];
  await writeFile(of('exim.conf'), configuration(directory, certificate, key, port, smtpsPort));
  await chmod(of('exim.conf'), 0o644);
  await run('chown', ['-R', 'Debian-exim', of('spool'), of('exim-log'), of('mail'), key]);
  const server = await startServer({
    directory,
    port,
    programs: [{ argv: ['/usr/sbin/exim4', '-C', of('exim.conf'), '-bdf'] }],
  });
  const mails = async (): Promise<readonly string[]> => {
    const names = (await readdir(of('mail/new'))).toSorted();
    return await Promise.all(names.map((name) => readFile(of(`mail/new/${name}`), 'utf8')));
  };
  return {
    ...server,
    smtpsPort,
    user: 'bk',
    password: 's3cret-word',
    certificate,
    mails,
    async waitForMails(count) {
      const end = performance.now() + 20_000;
      for (;;) {
        const found = await mails();
        if (found.length >= count) return found;
        if (performance.now() > end)
          throw new Error(`Only ${found.length} of ${count} mails came: ${await logOf(directory)}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async clear() {
      for (const name of await readdir(of('mail/new'))) await rm(of(`mail/new/${name}`));
    },
  };
}

const logOf = (directory: string): Promise<string> =>
  readFile(path.join(directory, 'exim-log/mainlog'), 'utf8').catch(() => 'no log');

function configuration(
  directory: string,
  certificate: string,
  key: string,
  port: number,
  smtpsPort: number,
): string {
  return String.raw`primary_hostname = localhost
spool_directory = ${directory}/spool
log_file_path = ${directory}/exim-log/%slog
pid_file_path = ${directory}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port} : ${smtpsPort}
tls_on_connect_ports = ${smtpsPort}
tls_advertise_hosts = *
tls_certificate = ${certificate}
tls_privatekey = ${key}
auth_advertise_hosts = ${'${if eq{$tls_in_cipher}{}{}{*}}'}
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
message_size_limit = 10M
never_users =
begin acl
acl_rcpt:
  deny message = 550 no such user
       local_parts = reject
  defer message = 451 try later
       local_parts = temp
  accept domains = open.test
  require authenticated = *
  accept
acl_data:
  accept
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = ${directory}/mail
  maildir_format
  user = Debian-exim
  envelope_to_add
  return_path_add
begin retry
* * F,2h,15m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${'${if and{{eq{$auth2}{bk}}{eq{$auth3}{s3cret-word}}}}'}
  server_set_id = $auth2
  server_prompts = :
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${'${if and{{eq{$auth1}{bk}}{eq{$auth2}{s3cret-word}}}}'}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${'${if eq{$auth1}{bk}{s3cret-word}fail}'}
  server_set_id = $auth1
`;
}

export const serverKind: ServerKind<EximServer> = {
  name: 'exim',
  programs: ['exim4', 'openssl'],
  start: startExim,
  usage: ({ port, user, password, certificate }) =>
    `smtp://${user}:${password}@localhost:${port}/?from=a@x.test&to=b@y.test&cafile=${certificate}`,
};
