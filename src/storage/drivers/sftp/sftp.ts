import { AppError } from '../../../base/errors.ts';
import { type DriverContext, defineDriver } from '../../driver.ts';
import { refused } from '../../foreign-option.ts';
import { atHome, requireKeyFile } from '../../network/identity-file.ts';
import type { OptionsOf, RawValue, StorageOption } from '../../option-schema.ts';
import type { DestinationUrl } from '../../url.ts';
import { chooseClient } from './choose-client.ts';
import { commandWords } from './command-words.ts';
import { type ConnectionSettings, type Connector, whereIs } from './connection-settings.ts';
import { LibraryConnector } from './library-connector.ts';
import { ProgramConnector } from './program-connector.ts';
import { SessionPool } from './session-pool.ts';
import { SftpStorage } from './sftp-storage.ts';

const options = [
  { name: 'host', kind: 'string', help: 'The server', required: true },
  { name: 'port', kind: 'number', help: 'The port of the server; 22, or what ~/.ssh/config says' },
  {
    name: 'user',
    kind: 'string',
    help: 'The name to log in with; that of the user of this process, or what ~/.ssh/config says',
    aliases: ['auth-username'],
  },
  {
    name: 'path',
    kind: 'string',
    help: 'The directory, relative to that of the login unless it begins with a slash',
    default: '.',
  },
  {
    name: 'relative-path',
    kind: 'boolean',
    place: true,
    help: 'Whether one slash in the URL means the directory of the login; with "no" every path is absolute',
    default: 'yes',
    aliases: ['ssh-relative-path'],
  },
  {
    name: 'password',
    kind: 'secret',
    help: 'The password; it also opens an identity that has no passphrase of its own',
    aliases: ['auth-password'],
    environment: ['BACKEND_PASSWORD', 'FTP_PASSWORD'],
  },
  {
    name: 'identity-file',
    kind: 'string',
    help: 'The file with the private key to log in with; no other key is tried then',
    aliases: ['ssh-keyfile'],
  },
  {
    name: 'identity',
    kind: 'secret',
    help: 'The private key itself, as text or in base64',
    aliases: ['ssh-key'],
  },
  { name: 'identity-passphrase', kind: 'secret', help: 'The passphrase of the private key' },
  {
    name: 'agent',
    kind: 'boolean',
    help: 'Whether the keys of the agent at SSH_AUTH_SOCK are tried',
    default: 'yes',
  },
  {
    name: 'ssh-disable-agent',
    kind: 'boolean',
    help: 'As "agent=no", in the words of Duplicati',
    default: 'no',
  },
  {
    name: 'known-hosts',
    kind: 'string',
    help: 'The file with the host keys that are trusted, instead of ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts',
  },
  {
    name: 'host-key',
    kind: 'string',
    help: 'The host key that the server must have, as "ssh-ed25519 AAAA…"; known hosts are not read then',
  },
  {
    name: 'host-key-fingerprint',
    kind: 'string',
    help: 'The fingerprint of the host key that the server must have, as "SHA256:…"; known hosts are not read then',
    aliases: ['ssh-fingerprint'],
  },
  refused('ssh-accept-any-fingerprints', 'boolean', {
    reason: 'a server whose key nobody has checked could be anybody',
    hint: 'Leave it out; the first attempt then tells the fingerprint, which you compare with that of the server and give as "host-key-fingerprint"',
  }),
  {
    name: 'client',
    kind: 'choice',
    help: 'What speaks SSH: the "ssh" program of this machine with its configuration, or the library that is built in; auto takes the program unless a password, an inline key or a fingerprint is given',
    choices: ['auto', 'program', 'library'],
    default: 'auto',
  },
  {
    name: 'ssh-command',
    kind: 'string',
    help: 'The "ssh" program with parameters, as "ssh -J gate -F file"; no shell reads it',
  },
  {
    name: 'keepalive',
    kind: 'duration',
    help: 'After how much silence the server is asked whether it is still there; the third unanswered question ends the connection; 0s never asks',
    default: '20s',
    aliases: ['ssh-keepalive'],
  },
  {
    name: 'sessions',
    kind: 'number',
    help: 'How many connections are opened at most; each carries several transfers',
    default: '4',
  },
] as const satisfies readonly StorageOption[];

/** `sftp://[USER[:PASSWORD]@]HOST[:PORT]/PATH`, one slash before the path for the directory of the login, two for the root. */
export const sftpDriver = defineDriver({
  scheme: 'sftp',
  title: 'Directory on another machine, by SSH',
  urlForms: [
    'sftp://[user[:password]@]host[:port]/path/below/login',
    'sftp://[user[:password]@]host[:port]//absolute/path',
  ],
  testedAgainst: 'OpenSSH (its own client and the library), ProFTPD mod_sftp',
  options,
  fromUrl: urlOptions,
  async open(given, context) {
    const settings = settingsOf(given, context);
    const path = directoryOf(given.path, given['relative-path']);
    const { clock, warn, signal } = context;
    const most = given.sessions;
    if (!Number.isInteger(most) || most < 1 || most > 64)
      throw new AppError(
        'input/usage',
        'The option "sessions" must be a whole number from 1 to 64',
      );
    const client = await chooseClient(given.client, settings, given['ssh-command'] !== undefined);
    if (settings.identityFile !== undefined) await requireKeyFile(settings.identityFile);
    const connector: Connector =
      client === 'program' ? new ProgramConnector(settings) : new LibraryConnector(settings);
    const user = settings.user === undefined ? '' : `${settings.user}@`;
    const location = `sftp://${user}${whereIs(settings)}/${path === '.' ? '' : path}`;
    const pool = new SessionPool(connector, { most, clock, warn });
    return SftpStorage.open({ pool, location, directory: path, clock }, { signal });
  },
});

function urlOptions(url: DestinationUrl): Readonly<Record<string, RawValue>> {
  const { host, port, user, password } = url;
  if (host === undefined) {
    throw new AppError('input/usage', `The ${url.scheme} URL names no host`, {
      hint: 'Write it as sftp://user@host/path',
    });
  }
  const path = url.path.replace(/^\//u, '');
  return {
    host,
    ...(port !== undefined && { port }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(path !== '' && { path }),
  };
}

function settingsOf(
  given: OptionsOf<typeof options>,
  { environment, clock }: DriverContext,
): ConnectionSettings {
  const { port } = given;
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535))
    throw new AppError('input/usage', 'The option "port" must be a whole number from 1 to 65535');
  const knownHosts = given['known-hosts'];
  return {
    host: given.host,
    port,
    user: given.user,
    password: given.password,
    identityFile: atHome(given['identity-file'], environment),
    identity: given.identity,
    passphrase: given['identity-passphrase'],
    useAgent: given.agent && !given['ssh-disable-agent'],
    trust: {
      hostKey: given['host-key'],
      fingerprint: given['host-key-fingerprint'],
      knownHosts: knownHosts === undefined ? [] : [knownHosts],
    },
    keepalive: given.keepalive,
    command: commandWords(given['ssh-command'] ?? 'ssh', 'ssh-command'),
    environment,
    clock,
  };
}

/** The directory as the server is asked for it: `.` for that of the login. */
function directoryOf(path: string, isRelative: boolean): string {
  if (path.includes('\0'))
    throw new AppError('input/usage', 'The path of the SFTP URL holds a NUL');
  const whole = isRelative || path.startsWith('/') ? path : `/${path}`;
  const isAbsolute = whole.startsWith('/');
  const parts = whole
    .split('/')
    .filter((part, index) => part !== '' && part !== '.' && !(part === '~' && index === 0));
  if (isAbsolute) return `/${parts.join('/')}`;
  return parts.length === 0 ? '.' : parts.join('/');
}
