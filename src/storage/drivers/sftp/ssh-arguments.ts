import path from 'node:path';

import { AppError } from '../../../base/errors.ts';
import { type ConnectionSettings, connectTime, keepaliveMisses } from './connection-settings.ts';

/** What is said to `ssh` besides where to go; values stand as in `ssh_config`. */
export type SshOptions = Readonly<Record<string, string>>;

/**
 * The command line with which the SFTP subsystem of the server is reached. Our options come first: `ssh` takes the first value it sees,
 * so neither the user's command nor a configuration file can make it trust a server blindly, or ask somebody.
 */
export function sshArguments(settings: ConnectionSettings, trustOptions: SshOptions): string[] {
  const { identityFile, useAgent, keepalive } = settings;
  checkNames(settings);
  const options: SshOptions = {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    NoHostAuthenticationForLocalhost: 'no',
    ...trustOptions,
    ConnectTimeout: String(connectTime / 1000),
    ServerAliveInterval: String(Math.ceil(keepalive / 1000)),
    ServerAliveCountMax: String(keepaliveMisses),
    // One connection each: a shared one would not be faster than one, and would end with whoever opened it.
    ControlMaster: 'no',
    ControlPath: 'none',
    ForwardAgent: 'no',
    ForwardX11: 'no',
    ClearAllForwardings: 'yes',
    PermitLocalCommand: 'no',
    RemoteCommand: 'none',
    RequestTTY: 'no',
    EscapeChar: 'none',
    ...(identityFile !== undefined && {
      IdentityFile: quotedPath(identityFile),
      IdentitiesOnly: 'yes',
    }),
    ...(!useAgent && { IdentityAgent: 'none' }),
  };
  const ours = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const { program, parameters } = partsOf(settings.command);
  return [...program, ...ours, ...parameters, ...whereTo(settings)];
}

/** The command line with which `ssh` prints what its configuration says about the server. */
export function settingsQuery(settings: ConnectionSettings): string[] {
  checkNames(settings);
  const { program, parameters } = partsOf(settings.command);
  return [...program, '-G', ...parameters, ...whereTo(settings)];
}

/** The same without any configuration. */
export function defaultsQuery(settings: ConnectionSettings): string[] {
  checkNames(settings);
  const { program } = partsOf(settings.command);
  return [...program, '-G', '-F', 'none', ...whereTo(settings)];
}

function checkNames({ host, user = '' }: ConnectionSettings): void {
  for (const word of [host, user]) {
    if (word.startsWith('-') || /[\p{Cc}\s]/u.test(word))
      throw new AppError('input/usage', 'The host or the user of the SFTP URL is no possible name');
  }
}

/** The program may be started by another one, as in "torsocks ssh -J gate". */
function partsOf(command: readonly string[]): {
  readonly program: readonly string[];
  readonly parameters: readonly string[];
} {
  const at = command.findIndex((word) => /^ssh(?:\.exe)?$/u.test(path.basename(word)));
  const end = Math.max(0, at) + 1;
  return { program: command.slice(0, end), parameters: command.slice(end) };
}

function whereTo({ host, port, user }: ConnectionSettings): string[] {
  return [
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    '-s',
    '--',
    host,
    'sftp',
  ];
}

/** A path as the value of an option of `ssh`, which splits at spaces and replaces what follows a percent sign. */
export function quotedPath(file: string): string {
  if (/["\p{Cc}]/u.test(file))
    throw new AppError(
      'input/usage',
      `The path "${file}" cannot be given to ssh: it holds a quote or a control character`,
    );
  return `"${file.replaceAll('%', '%%')}"`;
}
