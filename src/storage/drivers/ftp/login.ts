import { isIP } from 'node:net';

import { type Client, FTPError, type FTPResponse } from 'basic-ftp';

import { AppError } from '../../../base/errors.ts';
import type { FtpServer, FtpSettings } from './ftp-settings.ts';
import { ConnectionFailure, isCrowded, saidIn, translateError } from './translate-error.ts';

/** Connects `client`, encrypts, logs in and sets what all transfers need. Rejects with an `AppError`. */
export async function logIn(
  client: Client,
  settings: FtpSettings,
  known: FtpServer | undefined,
): Promise<FtpServer> {
  let action = `reach "${settings.host}"`;
  try {
    await connect(client, settings);
    action = `log in to "${settings.host}"`;
    await authenticate(client, settings);
    return await agree(client, settings, known);
  } catch (error) {
    // A server that is full may say so before or after it knows who we are.
    if (isCrowded(error)) throw error;
    const failure =
      error instanceof FTPError || error instanceof AppError ? error : new ConnectionFailure(error);
    throw translateError(failure, action);
  }
}

async function connect(client: Client, settings: FtpSettings): Promise<void> {
  const { host, port, encryption, trust } = settings;
  const tls = { ...trust, host, ...(isIP(host) === 0 && { servername: host }) };
  if (encryption === 'implicit') {
    await client.connectImplicitTLS(host, port, tls);
    return;
  }
  await client.connect(host, port);
  if (encryption === 'none') return;
  try {
    await client.useTLS(tls);
  } catch (error) {
    if (!(error instanceof FTPError) || error.code < 500) throw error;
    throw new AppError(
      'storage/untrusted',
      `Cannot encrypt the connection to "${host}": the server does not offer it (${saidIn(error)})`,
      {
        cause: error,
        hint: 'Ask whoever runs the server to switch TLS on; without it, password and names can be read on the way',
      },
    );
  }
}

async function authenticate(client: Client, settings: FtpSettings): Promise<void> {
  const { user, password, host } = settings;
  try {
    await client.login(
      user ?? 'anonymous',
      password?.reveal() ?? (user === undefined ? 'anonymous@' : ''),
    );
  } catch (error) {
    if (!(error instanceof FTPError) || error.code < 500 || isCrowded(error)) throw error;
    throw new AppError(
      'storage/access-denied',
      `Cannot log in to "${host}": the server does not accept ${whom(settings)} (${saidIn(error)})`,
      { cause: error, hint: hintFor(error, settings) },
    );
  }
}

function whom({ user, password }: FtpSettings): string {
  if (user === undefined) return 'an anonymous login';
  return password === undefined
    ? `the user "${user}" without a password`
    : `user and password of "${user}"`;
}

function hintFor(error: FTPError, { user, password, encryption }: FtpSettings): string {
  if (encryption === 'none' && /tls|ssl|secure|encrypt/iu.test(error.message))
    return 'The server wants encryption: write ftpes:// instead of ftp://';
  if (user === undefined)
    return 'Name the user in the URL, as in ftp://user@host/path, and give the password in HOLDFAST_FTP_PASSWORD';
  if (password === undefined)
    return 'Give the password in HOLDFAST_FTP_PASSWORD, or with the option "password-file" or "password-command"';
  return 'Look at user and password';
}

/** Binary, UTF-8, short listings, and data connections as encrypted as this one. */
async function agree(
  client: Client,
  settings: FtpSettings,
  known: FtpServer | undefined,
): Promise<FtpServer> {
  const features =
    known?.features ??
    new Set(Array.from((await client.features()).keys(), (name) => name.toUpperCase()));
  await client.send('TYPE I');
  if (features.has('UTF8')) await client.sendIgnoringError('OPTS UTF8 ON');
  if (features.has('MLST')) await client.sendIgnoringError('OPTS MLST type;size;modify;');
  if (settings.encryption !== 'none') {
    await client.send('PBSZ 0');
    await client.send('PROT P');
  }
  return (
    known ?? {
      features,
      home: homeIn(await client.send('PWD')),
      dataConnection: settings.dataConnection,
    }
  );
}

/** `257 "/a ""quoted"" path" is the current directory`. */
function homeIn({ message }: FTPResponse): string {
  const quoted = /"((?:[^"]|"")*)"/u.exec(message)?.[1]?.replaceAll('""', '"');
  if (quoted?.startsWith('/') === true) return quoted;
  throw new AppError(
    'storage/unavailable',
    `The server does not say in which directory the login is: ${saidIn({ message })}`,
  );
}
