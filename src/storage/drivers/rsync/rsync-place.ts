import path from 'node:path';

import { AppError } from '../../../base/errors.ts';
import type { Secret } from '../../../base/secret.ts';
import { childEnvironment } from '../../network/child-environment.ts';

/** Where objects lie, and how rsync gets there. */
export interface RsyncPlace {
  readonly transport: 'daemon' | 'ssh';
  readonly host: string;
  readonly port: number | undefined;
  readonly user: string | undefined;
  readonly password: Secret | undefined;
  /** Of a daemon, the module and the directory in it; over ssh, relative to that of the login unless it begins with a slash. */
  readonly path: string;
  /** Over ssh: the program with its parameters, as in `RSYNC_RSH`. */
  readonly sshCommand: string | undefined;
  readonly identityFile: string | undefined;
  readonly knownHosts: string | undefined;
  /** The program on the server. */
  readonly rsyncPath: string | undefined;
}

/** The address of a place split in two: rsync is given names below `base`, which all begin with `prefix`. */
export interface RsyncAddress {
  /** What is there already: the module of a daemon, the root of the server or the directory of the login. With a slash at its end. */
  readonly base: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
}

/**
 * The base is not the directory itself: that may have to be made, and rsync 3.5.0 loses it when a daemon is given names relative to a
 * directory below its module. Throws `input/usage` for what would be read as something else.
 */
export function addressOf(place: RsyncPlace): RsyncAddress {
  const { transport, host, port, user } = place;
  if (/^-|[\s@/\0]/u.test(host))
    throw new AppError('input/usage', `The host "${host}" is none that rsync could be given`);
  if (/^-|[\s@/:\0]/u.test(user ?? ''))
    throw new AppError('input/usage', `The user "${user}" is none that rsync could be given`);
  const login = `${user === undefined ? '' : `${user}@`}${host.includes(':') ? `[${host}]` : host}`;
  const parts = place.path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || place.path.includes('\0')) {
    throw new AppError('input/usage', `The path "${place.path}" leads upwards`, {
      hint: 'Over ssh, begin an absolute path with two slashes: rsync://user@host//absolute/path',
    });
  }
  if (transport === 'ssh') {
    const ground = place.path.startsWith('/') ? '/' : './';
    return { base: `${login}:${ground}`, prefix: parts.map((part) => `${part}/`).join('') };
  }
  const [module, ...below] = parts;
  if (module === undefined) {
    throw new AppError('input/usage', 'The rsync URL names no module of the daemon', {
      hint: 'Write rsync://host::module/path, or for ssh rsync://user@host/path',
    });
  }
  return {
    base: `rsync://${login}${port === undefined ? '' : `:${port}`}/${module}/`,
    prefix: below.map((part) => `${part}/`).join(''),
  };
}

/** The switches with which rsync gets there. */
export function connectionArguments(place: RsyncPlace): readonly string[] {
  if (place.transport === 'daemon') return [];
  return [
    '-e',
    shellOf(place),
    ...(place.rsyncPath === undefined ? [] : [`--rsync-path=${place.rsyncPath}`]),
  ];
}

/** The environment of rsync: messages in English, times in UTC, and the password, which is nobody else's to see. */
export function environmentOf(
  place: RsyncPlace,
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  const {
    RSYNC_PASSWORD: _password,
    RSYNC_PARTIAL_DIR: _partial,
    ...others
  } = childEnvironment(environment);
  return {
    ...others,
    LC_ALL: 'C',
    TZ: 'UTC',
    // Without one rsync would ask the terminal.
    ...(place.transport === 'daemon' && { RSYNC_PASSWORD: place.password?.reveal() ?? '' }),
  };
}

/** A line for `rsync -e`. Our own switches stand behind the user's: ssh takes the first of each. */
function shellOf({ sshCommand = 'ssh', identityFile, knownHosts, port }: RsyncPlace): string {
  const program = /^\s*(?:"([^"]*)"|'([^']*)'|(\S+))/u.exec(sshCommand);
  const name = path.posix.basename(program?.[1] ?? program?.[2] ?? program?.[3] ?? '');
  const switches =
    name === 'ssh'
      ? ['-o StrictHostKeyChecking=yes', '-o BatchMode=yes', '-o ConnectTimeout=60']
      : [];
  return [
    sshCommand,
    ...switches,
    ...(identityFile === undefined ? [] : ['-i', quoted(identityFile), '-o IdentitiesOnly=yes']),
    ...(knownHosts === undefined ? [] : ['-o', quoted(`UserKnownHostsFile=${knownHosts}`)]),
    ...(port === undefined ? [] : ['-p', String(port)]),
  ].join(' ');
}

function quoted(text: string): string {
  if (!text.includes('"')) return `"${text}"`;
  throw new AppError('input/usage', `rsync cannot be given a path with a quotation mark: ${text}`);
}
