import { tmpdir } from 'node:os';
import path from 'node:path';
import { hash } from 'node:crypto';

import { neededHomeDirectory } from '../../base/home-directory.ts';
import { FileNaming } from '../../repository/duplicity/names/file-name.ts';
import { pathBytes } from '../../model/path-text.ts';
import type { CliContext } from '../context.ts';
import type { DuplicityLog } from './duplicity-log.ts';
import { commandLineError } from './fatal.ts';
import type { ChosenAction, DuplicityLine } from './parse-command-line.ts';
import { parseTime } from './time-text.ts';

/** What every action is run with. */
export interface DuplicityRun {
  readonly context: CliContext;
  readonly log: DuplicityLog;
  readonly line: DuplicityLine;
  readonly action: ChosenAction;
  /** Seconds since 1970: the clock, or what `--current-time` says. */
  readonly now: number;
}

/** A point in time from an option or argument; seconds since 1970. */
export function timeOf(text: string, { now, context }: DuplicityRun): number {
  return parseTime(text, now, context.timeZone);
}

/** The time of `--time`; undefined for the newest state. */
export function restoreTime(run: DuplicityRun): number | undefined {
  const text = run.line.options.text('restore-time');
  return text === undefined ? undefined : timeOf(text, run);
}

/** The directory for the copies of manifests and signatures of one archive, as duplicity calls it. */
export function archiveDirectoryOf(
  url: string,
  { line, context }: Pick<DuplicityRun, 'line' | 'context'>,
): string {
  const { environment, workingDirectory } = context;
  const given = line.options.text('archive-dir');
  const parent =
    given === undefined
      ? path.join(cacheDirectory(environment), 'duplicity')
      : atHome(given, environment);
  const name = line.options.text('name') ?? hash('md5', url);
  return path.resolve(workingDirectory, parent, name);
}

/** The directory for volumes on their way. */
export function tempDirectoryOf({
  line,
  context: { environment, workingDirectory },
}: Pick<DuplicityRun, 'line' | 'context'>): string {
  const given =
    line.options.text('tempdir') ??
    (environment['TMPDIR'] || environment['TEMP'] || environment['TMP'] || tmpdir());
  return path.resolve(workingDirectory, atHome(given, environment));
}

/** How the files of the archive are called. */
export function namingOf({ line: { options } }: Pick<DuplicityRun, 'line'>): FileNaming {
  const style = options.has('short-filenames')
    ? 'short'
    : options.has('old-filenames')
      ? 'old'
      : 'standard';
  return new FileNaming({
    prefix: options.text('file-prefix') ?? '',
    volumePrefix: options.text('file-prefix-archive') ?? '',
    manifestPrefix: options.text('file-prefix-manifest') ?? '',
    signaturePrefix: options.text('file-prefix-signature') ?? '',
    statisticsPrefix: options.text('file-prefix-jsonstat') ?? '',
    style,
    timeSeparator: options.text('time-separator') ?? ':',
  });
}

/** A path in the archive, as bytes without slashes around and without dots; empty for everything. */
export function archivePath(text: string | undefined): Uint8Array {
  const parts = (text ?? '').split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw commandLineError(`'${text}' leads out of the archive`);
  return pathBytes(parts.join('/'));
}

/** A leading `~` is the home directory, as in duplicity. */
function atHome(given: string, environment: CliContext['environment']): string {
  if (given !== '~' && !given.startsWith('~/')) return given;
  return path.join(neededHomeDirectory(environment), given.slice(1));
}

function cacheDirectory(environment: CliContext['environment']): string {
  return environment['XDG_CACHE_HOME'] || path.join(neededHomeDirectory(environment), '.cache');
}
