import { devNull } from 'node:os';

import { AppError } from '../../../base/errors.ts';
import { defineDriver } from '../../driver.ts';
import { withoutEffect } from '../../foreign-option.ts';
import { nameCodec, nameStyles } from '../../network/escaped-name.ts';
import { obscuredPassword } from '../../network/rclone/obscured-password.ts';
import { RcloneConnection, type RemoteFacts } from '../../network/rclone/rclone-connection.ts';
import { rcloneEnvironment } from '../../network/rclone/rclone-flags.ts';
import { RcloneStorage } from '../../network/rclone/rclone-storage.ts';
import { sharePath, userAndDomain } from './share-path.ts';

export const smbDriver = defineDriver({
  scheme: 'smb',
  title: 'Windows or Samba share (SMB 2 and 3)',
  urlForms: [
    'smb://[[domain;]user[:password]@]host[:port]/share/path',
    'cifs://[[domain;]user[:password]@]host[:port]/share/path',
  ],
  testedAgainst: 'Samba',
  needs: 'rclone',
  options: [
    { name: 'host', kind: 'string', help: 'Name or address of the server', required: true },
    { name: 'port', kind: 'number', help: 'Port of the server', default: '445' },
    { name: 'path', kind: 'string', help: 'Share, and directory on it', required: true },
    { name: 'user', kind: 'string', help: 'Name of the user', aliases: ['auth-username'] },
    {
      name: 'password',
      kind: 'secret',
      help: 'Password of the user',
      aliases: ['auth-password'],
      environment: ['BACKEND_PASSWORD', 'FTP_PASSWORD'],
    },
    {
      name: 'domain',
      kind: 'string',
      help: 'Domain of the user',
      default: 'WORKGROUP',
      aliases: ['auth-domain'],
    },
    {
      name: 'kerberos',
      kind: 'boolean',
      help: 'Log in by the Kerberos ticket of the system instead of a password (rclone 1.69 or later)',
      default: 'no',
    },
    {
      name: 'names',
      kind: 'choice',
      choices: nameStyles,
      help: 'Whether names that SMB cannot keep are escaped, or all are taken as they are, as for what other programs have stored',
      default: 'escaped',
    },
    {
      name: 'transport',
      kind: 'choice',
      choices: ['directtcp'],
      help: 'Only TCP: NetBIOS is not supported',
      default: 'directtcp',
    },
    {
      name: 'program',
      kind: 'string',
      help: 'Name or path of the program rclone, 1.60 or later',
      default: 'rclone',
      aliases: ['rclone-executable'],
    },
    withoutEffect('read-buffer-size', 'how much is read at once follows from what the server can'),
    withoutEffect('write-buffer-size', 'how much is sent at once follows from what the server can'),
  ],
  fromUrl({ host, port, user, password, path }) {
    if (host === undefined) {
      throw new AppError('input/usage', 'The SMB URL names no server', {
        hint: 'Write smb://user@host/share/path',
      });
    }
    return {
      host,
      path,
      ...(port !== undefined && { port }),
      ...(user !== undefined && userAndDomain(user)),
      ...(password !== undefined && { password }),
    };
  },
  async open(options, { clock, environment, signal }) {
    const { host, port, user, password, domain, kerberos } = options;
    const path = sharePath(options.path);
    const connection = new RcloneConnection({
      program: options.program,
      remote: `holdfastsmb:${path}`,
      environment: {
        ...rcloneEnvironment(environment),
        // No file: all that rclone has to know is here, where nobody else can read it.
        RCLONE_CONFIG: devNull,
        RCLONE_CONFIG_HOLDFASTSMB_TYPE: 'smb',
        // rclone puts the colon and the port behind whatever it is given.
        RCLONE_CONFIG_HOLDFASTSMB_HOST: inAddress(host),
        RCLONE_CONFIG_HOLDFASTSMB_PORT: String(port),
        RCLONE_CONFIG_HOLDFASTSMB_DOMAIN: domain,
        ...(user !== undefined && { RCLONE_CONFIG_HOLDFASTSMB_USER: user }),
        ...(password !== undefined && {
          RCLONE_CONFIG_HOLDFASTSMB_PASS: obscuredPassword(password),
        }),
        ...(kerberos && { RCLONE_CONFIG_HOLDFASTSMB_USE_KERBEROS: 'true' }),
        // The names are ours, escaped or as they are.
        RCLONE_CONFIG_HOLDFASTSMB_ENCODING: 'Slash,InvalidUtf8',
      },
      // We try again ourselves, and say why we wait.
      flags: ['--low-level-retries=2', '--contimeout=30s'],
    });
    let facts: RemoteFacts;
    try {
      facts = await connection.facts({ signal });
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
    return new RcloneStorage({
      location: `smb://${inAddress(host)}:${port}/${path}`,
      connection,
      facts,
      names: nameCodec(options.names),
      // A rename of SMB 2 refuses to replace unless it is asked to, and rclone does not ask.
      moveIsExclusive: true,
      listingLag: 0,
      concurrency: 12,
      clock,
      place: { remote: 'holdfastsmb:', parts: path.split('/') },
    });
  },
});

/** A host as it stands before a port. */
function inAddress(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
