import { AppError } from '../../../base/errors.ts';
import { defineDriver } from '../../driver.ts';
import { atHome, requireKeyFile } from '../../network/identity-file.ts';
import type { RawValue } from '../../option-schema.ts';
import type { DestinationUrl } from '../../url.ts';
import type { RsyncPlace } from './rsync-place.ts';
import { RsyncProgram } from './rsync-program.ts';
import { RsyncStorage } from './rsync-storage.ts';
import { Spool } from './spool.ts';

/** A port that says how rsync is reached. */
const wellKnown: Readonly<Record<number, RsyncPlace['transport']>> = { 22: 'ssh', 873: 'daemon' };

/**
 * `rsync://host/module/path` and `rsync://host::module/path` are a daemon, `rsync://user@host/path` and `rsync://host//path` go over ssh.
 * A password makes it a daemon: ssh is not given any. The option `transport` says it outright.
 */
export const rsyncDriver = defineDriver({
  scheme: 'rsync',
  title: 'rsync daemon, or a server with ssh and rsync',
  urlForms: [
    'rsync://[user[:password]@]host[:port]::module/path',
    'rsync://host[:port]/module/path',
    'rsync://user@host[:port]/path',
    'rsync://[user@]host[:port]//absolute/path',
  ],
  testedAgainst: 'rsync --daemon, OpenSSH',
  needs: 'rsync',
  options: [
    { name: 'host', kind: 'string', help: 'Name or address of the server', required: true },
    { name: 'port', kind: 'number', help: 'Its port (otherwise 873, or that of ssh)' },
    {
      name: 'user',
      kind: 'string',
      help: 'Whom to log in as',
      aliases: ['auth-username', 'username'],
    },
    {
      name: 'password',
      kind: 'secret',
      help: 'Password for the module of a daemon; ssh works with keys only',
      aliases: ['auth-password'],
      environment: ['RSYNC_PASSWORD'],
    },
    {
      name: 'path',
      kind: 'string',
      help: 'Of a daemon the module and the directory in it; over ssh the directory, relative to that of the login unless it begins with a slash',
      default: '',
    },
    {
      name: 'transport',
      kind: 'choice',
      help: 'How the server is reached, where the URL does not tell',
      choices: ['daemon', 'ssh'],
    },
    {
      name: 'ssh-command',
      kind: 'string',
      help: 'The program for ssh with its parameters, as rsync takes it with -e',
      environment: ['RSYNC_RSH'],
    },
    { name: 'identity-file', kind: 'string', help: 'File with the private key for ssh' },
    {
      name: 'known-hosts',
      kind: 'string',
      help: 'File with the host keys that ssh may trust (otherwise its own)',
    },
    { name: 'rsync-path', kind: 'string', help: 'The program rsync on the server, over ssh' },
    {
      name: 'spool-directory',
      kind: 'string',
      help: 'Where objects are kept on their way; it holds some of them at a time, whole',
      environment: ['TMPDIR', 'TEMP', 'TMP'],
      default: '/tmp',
    },
    {
      name: 'spool-size',
      kind: 'size',
      help: 'How much of what was fetched is kept for other parts of the same objects',
      default: '256M',
    },
  ],
  fromUrl(url) {
    if (url.host === undefined) {
      throw new AppError('input/usage', 'The rsync URL names no host', {
        hint: 'Write it as in rsync://host::module/path or rsync://user@host/path',
      });
    }
    const transport = transportIn(url);
    return {
      host: url.host,
      path: url.path.replace(/^(?:::)?\//u, '').replace(/^::/u, ''),
      ...(url.port !== undefined && { port: url.port }),
      ...(url.user !== undefined && { user: url.user }),
      ...(url.password !== undefined && { password: url.password }),
      ...(transport !== undefined && !url.options.has('transport') && { transport }),
    } satisfies Readonly<Record<string, RawValue>>;
  },
  async open(options, { clock, environment }) {
    const { host, port, user, password } = options;
    if (port !== undefined && (!Number.isInteger(port) || port < 1 || port > 65_535))
      throw new AppError('input/usage', `The option "port" is no port: ${port}`);
    const isShell =
      options['identity-file'] !== undefined ||
      options['known-hosts'] !== undefined ||
      options['rsync-path'] !== undefined;
    const transport =
      options.transport ??
      (password === undefined && (isShell || user !== undefined) ? 'ssh' : 'daemon');
    const identityFile = atHome(options['identity-file'], environment);
    // Without it ssh only says that the server lets nobody in.
    if (identityFile !== undefined && transport === 'ssh') await requireKeyFile(identityFile);
    const program = new RsyncProgram(
      {
        transport,
        host,
        port,
        user,
        password,
        path: options.path,
        sshCommand: options['ssh-command'],
        identityFile,
        knownHosts: options['known-hosts'],
        rsyncPath: options['rsync-path'],
      },
      environment,
    );
    const spool = new Spool(options['spool-directory'], { capacity: options['spool-size'], clock });
    const { base, prefix } = program.address;
    return new RsyncStorage(program, { spool, clock, location: `${base}${prefix}` });
  },
});

/** What the URL itself says of the way; `undefined` leaves it to the options. */
function transportIn({
  path,
  port,
  password,
}: DestinationUrl): RsyncPlace['transport'] | undefined {
  if (path.startsWith('::')) return 'daemon';
  if (path.startsWith('//')) return 'ssh';
  if (password !== undefined) return 'daemon';
  return wellKnown[port ?? 0];
}
