import { stat } from 'node:fs/promises';
import path from 'node:path';

import { AppError } from '../../base/errors.ts';
import { neededHomeDirectory } from '../../base/home-directory.ts';
import { sandboxNeeds } from '../../service/units/sandbox.ts';
import {
  jobUnits,
  serverUnit,
  type UnitFile,
  unitMark,
} from '../../service/units/service-units.ts';
import type { CommandInput } from '../command.ts';
import type { systemdPrint } from '../definitions/units.ts';
import type { CommandSession } from '../session.ts';
import { unitSource } from './unit-source.ts';

/** The first line of every unit that is generated. */
export const markLine = `# ${unitMark}`;

/** Names that generated units have. */
export const unitNames = /^holdfast(?:-[a-z]+)?(?:-\d+)?(?:@.+)?\.(?:service|timer)$/u;

export interface WantedUnits {
  readonly files: readonly UnitFile[];
  /** What has to be started: timers, or the server. */
  readonly active: readonly string[];
  /** What the user should know. */
  readonly notes: readonly string[];
}

/** The units that flags and arguments ask for. */
export async function wantedUnits(
  input: Pick<CommandInput<typeof systemdPrint>, 'flags' | 'arguments'>,
  session: CommandSession,
): Promise<WantedUnits> {
  const { flags } = input;
  const { JOB: names } = input.arguments;
  if (flags.server && names.length > 0) {
    throw new AppError(
      'input/usage',
      'The server runs every job: no job can be named with --server',
    );
  }
  const source = await unitSource(flags, session, { ofUser: flags.user });
  const given = flags.credential.map((text) => text.replace('=', ':'));
  const known = new Set(given.map((text) => text.split(':', 1)[0]));
  const settings = {
    ...source,
    isUser: flags.user,
    writable: flags.writable.map((place) => path.resolve(session.workingDirectory, place)),
    credentials: [...given, ...source.credentials.filter((name) => !known.has(name))],
    inhibitsSleep: flags['inhibit-sleep'],
    timeZone: session.timeZone,
  };
  const files = flags.server ? [serverUnit(settings)] : jobUnits(settings, names);
  const active = files.flatMap(({ name }) =>
    flags.server || name.endsWith('.timer') ? [name] : [],
  );
  const needs = sandboxNeeds(source.configuration.jobs, source.configuration);
  const missing: string[] = [];
  for (const place of flags.user || needs.runsCommands ? [] : needs.writes)
    if ((await stat(place).catch(() => undefined)) === undefined) missing.push(place);
  return {
    files,
    active,
    notes: missing.map(
      (place) => `"${place}" is not there yet: make it, so that it can be written`,
    ),
  };
}

/** Where units of the machine or of a user lie. */
export function unitDirectory(
  flags: { readonly user: boolean; readonly directory: string | undefined },
  { environment, workingDirectory }: CommandSession,
): string {
  if (flags.directory !== undefined) return path.resolve(workingDirectory, flags.directory);
  if (!flags.user) return '/etc/systemd/system';
  const own = environment['XDG_CONFIG_HOME'];
  const isOwn = own !== undefined && path.isAbsolute(own);
  const base = isOwn ? own : path.join(neededHomeDirectory(environment), '.config');
  return path.join(base, 'systemd', 'user');
}

/** Whether systemd runs this machine and looks at that directory, as sd_booted(3) says. */
export async function isManaged(flags: {
  readonly directory: string | undefined;
  readonly 'no-start': boolean;
}): Promise<boolean> {
  if (flags['no-start'] || flags.directory !== undefined) return false;
  return (await stat('/run/systemd/system').catch(() => undefined))?.isDirectory() ?? false;
}

/** Whether a unit is of one of the jobs; of any if none is named. */
export const isOfJobs = (unit: string, names: readonly string[]): boolean =>
  names.length === 0 || names.some((name) => /^[^@]*@(.+)\.\w+$/u.exec(unit)?.[1] === name);
