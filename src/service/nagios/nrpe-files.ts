import { chmod, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';

import { writeFileAtomically } from '../../base/atomic-file.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { makeDirectories } from '../../base/make-directories.ts';

/** What the NRPE server of a machine is told. */
export interface NrpeSettings {
  /** Everything is written below this directory; `/` but in tests and images. */
  readonly directory: string;
  /** The program that the plugins run, absolute. */
  readonly program: string;
  /** What they read; without it they look where the service writes by default. */
  readonly statusFile?: string | undefined;
  /** What Nagios calls this host is `<context>-<unit>`, with `-` for `/`. */
  readonly context: string;
  readonly unit: string;
  /** The context by default. */
  readonly servicegroups?: string | undefined;
}

interface NrpeCheck {
  readonly command: string;
  /** In the description of the service, in brackets. */
  readonly shortName: string;
  readonly description: string;
  readonly arguments: readonly string[];
}

const checks: readonly NrpeCheck[] = [
  {
    command: 'check_backups',
    shortName: 'backups',
    description: 'Check that periodic backups have not failed.',
    arguments: [],
  },
  {
    command: 'check_backup_deletions',
    shortName: 'backup_deletions',
    description: 'Check that periodic deletions of backups have not failed.',
    arguments: ['--check', 'retention'],
  },
];

const PLUGINS = 'usr/local/lib/nagios/plugins';
const COMMANDS = 'etc/nagios/nrpe.d';
const EXPORTS = 'var/lib/nagios/export';
const MADE = '# Made by "holdfast monitor nrpe-install", which writes it anew: changes are lost.';

/**
 * Writes the files by which an NRPE server runs our checks; what is as it should be is left alone. Resolves with the paths that were written or removed: if there
 * are any, the server has to read them.
 *
 * @throws AppError `input/invalid` for names that Nagios cannot take, `local/unwritable`
 */
export async function installNrpe(settings: NrpeSettings): Promise<readonly string[]> {
  const { directory, program, statusFile, context, unit, servicegroups = context } = settings;
  for (const [what, text] of [
    ['context', context],
    ['unit', unit],
    ['list of groups', servicegroups],
  ] as const) {
    if (text !== '' && !/[\p{Cc}`~!$%^&*|'"<>?()=;{}\\]/u.test(text)) continue;
    throw new AppError('input/invalid', `Nagios cannot take the ${what} "${text}"`, {
      hint: 'Use letters, digits, "-", "_", "." and "," only',
    });
  }
  const host = `${context}-${unit.replaceAll('/', '-')}`;
  const changed: string[] = [];
  const put = async (file: string, text: string, mode: number): Promise<void> => {
    if (await write(path.join(directory, file), text, mode))
      changed.push(path.join(directory, file));
  };
  const exports = await exportedFiles(directory);
  for (const check of checks) {
    const { command } = check;
    const plugin = path.posix.join('/', PLUGINS, command);
    await put(plugin, pluginText(program, statusFile, check.arguments), 0o755);
    await put(`${COMMANDS}/${command}.cfg`, `${MADE}\ncommand[${command}]=${plugin}\n`, 0o644);
    if (exports === undefined) continue;
    const file = `service__${host}_${command}.cfg`;
    await put(`${EXPORTS}/${file}`, serviceText(host, servicegroups, check), 0o644);
    // Those of another context or unit would stay for ever.
    for (const other of exports) {
      if (other === file || !isOurExport(other, command)) continue;
      changed.push(await remove(path.join(directory, EXPORTS, other)));
    }
  }
  return changed;
}

/** Takes all of it back. Resolves with the paths that were removed. */
export async function removeNrpe(directory: string): Promise<readonly string[]> {
  const removed: string[] = [];
  const exports = (await exportedFiles(directory)) ?? [];
  for (const { command } of checks) {
    const files = [
      `${COMMANDS}/${command}.cfg`,
      `${PLUGINS}/${command}`,
      ...exports.filter((file) => isOurExport(file, command)).map((file) => `${EXPORTS}/${file}`),
    ];
    for (const file of files) {
      const whole = path.join(directory, file);
      if ((await read(whole)) !== undefined) removed.push(await remove(whole));
    }
  }
  return removed;
}

/** A plugin that needs nothing but the program; where that is not to be had, it says so as a plugin does. */
function pluginText(
  program: string,
  statusFile: string | undefined,
  checkArguments: readonly string[],
): string {
  const words = [
    'monitor',
    'nagios',
    ...checkArguments,
    ...(statusFile === undefined ? [] : ['--status-file', statusFile]),
  ];
  return [
    '#!/bin/sh',
    MADE,
    `program=${quoted(program)}`,
    'if [ ! -x "$program" ]; then',
    '  echo "UNKNOWN: This user cannot run $program"',
    '  exit 3',
    'fi',
    `exec "$program" ${words.map(quoted).join(' ')} "$@"`,
    '',
  ].join('\n');
}

const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** As the charms of Juju write it. */
function serviceText(
  host: string,
  servicegroups: string,
  { command, shortName, description }: NrpeCheck,
): string {
  const fields = [
    ['use', 'active-service'],
    ['host_name', host],
    ['service_description', `${host}[${shortName}] ${description}`],
    ['check_command', `check_nrpe!${command}`],
    ['servicegroups', servicegroups],
  ] as const;
  const lines = fields.map(([name, value]) => `    ${name.padEnd(32)}${value}`);
  return `${MADE}\ndefine service {\n${lines.join('\n')}\n}\n`;
}

const isOurExport = (file: string, command: string): boolean =>
  file.startsWith('service__') && file.endsWith(`_${command}.cfg`);

/** What the Nagios server fetches; `undefined` where nobody does. */
async function exportedFiles(directory: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(path.join(directory, EXPORTS));
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return undefined;
    throw cannot('read', path.join(directory, EXPORTS), cause);
  }
}

async function write(file: string, text: string, mode: number): Promise<boolean> {
  try {
    if ((await read(file)) === text) {
      await chmod(file, mode);
      return false;
    }
    await makeDirectories(path.dirname(file), { mode: 0o755 });
    await writeFileAtomically(file, Buffer.from(text), { mode, exactMode: true });
    return true;
  } catch (cause) {
    throw cannot('write', file, cause);
  }
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return undefined;
    throw cannot('read', file, cause);
  }
}

async function remove(file: string): Promise<string> {
  try {
    await rm(file, { force: true });
    return file;
  } catch (cause) {
    throw cannot('remove', file, cause);
  }
}

function cannot(what: string, file: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError('local/unwritable', `Cannot ${what} "${file}": ${messageOf(cause)}`, {
    cause,
    hint: 'This takes the rights of root',
  });
}
