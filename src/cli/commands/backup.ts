import { hostname, userInfo } from 'node:os';

import { AppError } from '../../base/errors.ts';
import { noCounters, type SummaryEvent } from '../../model/event.ts';
import { pathBytes } from '../../model/path-text.ts';
import { compilePathFilter, type PathFilter } from '../../model/path-filter.ts';
import { parseTime } from '../../model/snapshot-selector.ts';
import type { BackupInput, BackupSource } from '../../engine/backup.ts';
import type { BegunBackup, BegunBackupInput } from '../../engine/begun-backup.ts';
import { refuseNesting } from '../../engine/nested-destination.ts';
import type { Survey, SurveyOptions } from '../../engine/survey.ts';
import { defaultCompressionLevel } from '../../repository/native/packs/default-compression.ts';
import { isDatabaseUrl } from '../../source/database/database-url.ts';
import { planSources, type SourcePlan } from '../../source/filesystem/source-plan.ts';
import { isForArchive } from '../archive/is-for-archive.ts';
import type { CommandInput, CommandRun } from '../command.ts';
import type { backup } from '../definitions/backup.ts';
import { readFilterRules } from '../filter-rules.ts';
import { givenLocalPath } from '../given-path.ts';
import { loadMeanwhile } from '../load-meanwhile.ts';
import { type LocatedDestination, locateDestination } from '../locate-destination.ts';
import { openLocated } from '../open-destination.ts';
import { operationContext } from '../operation-context.ts';
import type { CommandSession } from '../session.ts';
import { splitTags } from '../snapshot-filter.ts';
import { workerCount } from '../worker-count.ts';

type Input = CommandInput<typeof backup>;

const levels = { none: 0, fast: 1, default: defaultCompressionLevel, better: 6, best: 15 } as const;
/** A backup that is done sooner is not worth a look at how much there is. */
const SURVEY_AFTER = 1000;

export const run: CommandRun<typeof backup> = async (input, session) => {
  const { flags } = input;
  const { output, workingDirectory } = session;
  const filter = await filterOf(input, session);
  if (isDatabase(input)) return await backupFromDatabases(input, filter, session);
  const paths = input.arguments.SOURCE.map((source) =>
    pathBytes(givenLocalPath(source, 'A SOURCE', workingDirectory)),
  );
  // A source that is mistyped is told before anything is made or asked.
  const plan = isStream(flags) || flags['synthetic-full'] ? undefined : planSources(paths);
  const source = sourceOf(input, plan, session);
  const settings = settingsOf(input, source, filter, session);
  const located = await loadMeanwhile(
    locateDestination(input.arguments.URL, flags, session),
    () => import('../../engine/backup.ts'),
    session.clock,
  );
  if (await isForArchive(located, flags, session)) {
    await using _place = located;
    const { backupToArchive } = await import('../archive/backup.ts');
    return await backupToArchive(located, input, filter, session);
  }
  if (flags['synthetic-full']) {
    await using _place = located;
    throw new AppError('input/usage', '"--synthetic-full" is for archives of duplicity\'s', {
      hint: 'In a repository of our own every snapshot stands for itself',
    });
  }
  if (flags['dry-run']) return await pretend(located, input, plan, settings, session);

  // The file system can be looked at while the key is derived.
  let begun: Promise<BegunBackup> | undefined;
  await using _end = {
    async [Symbol.asyncDispose]() {
      // What it failed with was told by whoever waited for it.
      (await begun?.catch(() => undefined))?.[Symbol.dispose]();
    },
  };
  await using opened = await openLocated(located, flags, session, {
    mode: flags['no-init'] ? 'write' : 'make',
    meanwhile({ repositoryId, storage }, { cacheDirectory, warn }) {
      // Connections can be made as well.
      storage.prepare?.([], session).catch(() => undefined);
      if (plan !== undefined && repositoryId !== undefined) {
        const place = { cacheDirectory, repositoryId, warn };
        begun = beginBackup({ ...settings, plan, place }, session);
        begun.catch(() => undefined); // waited for later
      }
      import('../../engine/backup.ts').catch(() => undefined); // as well
    },
    inspect({ localPath }) {
      if (plan !== undefined && localPath !== undefined) {
        refuseNesting(plan.sources, filter, localPath);
      }
    },
  });
  const engine = await import('../../engine/backup.ts');
  const done = new AbortController();
  const surveying =
    plan !== undefined && session.terminal.progress && !output.json
      ? tellTotal(plan, settings, session, AbortSignal.any([done.signal, session.signal]))
      : undefined;
  try {
    const all = { ...settings, begun: await begun };
    const summary = await engine.backup(opened, all, operationContext(session));
    output.report(summary);
    return summary.errors > 0 ? 3 : 0;
  } finally {
    done.abort();
    await surveying;
  }
};

/** Looks at the source, as far as that needs no keys. */
async function beginBackup(
  input: Omit<BegunBackupInput, 'time'>,
  { clock }: CommandSession,
): Promise<BegunBackup> {
  const engine = await import('../../engine/begun-backup.ts');
  const begun = new engine.BegunBackup({ ...input, time: clock.now() });
  begun.walkAhead(() => clock.monotonic());
  return begun;
}

/** Looked at before anything is loaded for it. */
const isDatabase = ({ flags, arguments: given }: Input): boolean =>
  flags['database-source'].length > 0 ||
  (!isStream(flags) && !flags['synthetic-full'] && given.SOURCE.some(isDatabaseUrl));

async function backupFromDatabases(
  input: Input,
  filter: PathFilter,
  session: CommandSession,
): Promise<number> {
  const { backupDatabases, databaseSources } = await import('../database/backup-databases.ts');
  databaseSources(input);
  const located = await locateDestination(input.arguments.URL, input.flags, session);
  if (await isForArchive(located, input.flags, session)) {
    await using _place = located;
    const { notForArchives } = await import('../archive/backup.ts');
    throw notForArchives('The dump of a database');
  }
  const settings = (source: BackupSource): BackupInput =>
    settingsOf(input, source, filter, session);
  return backupDatabases(located, input, settings, session);
}

const isStream = (flags: Input['flags']): boolean => flags.stdin || flags['stdin-from-command'];

async function filterOf({ given, flags }: Input, session: CommandSession): Promise<PathFilter> {
  const now = session.clock.now();
  const time = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : parseTime(text, { now, timeZone: session.timeZone });
  const limits = {
    largerThan: flags['exclude-larger-than'],
    olderThan: time(flags['exclude-older-than']),
    newerThan: time(flags['exclude-newer-than']),
  };
  return compilePathFilter(await readFilterRules(given, session), limits);
}

function sourceOf(
  { flags, rest }: Input,
  plan: SourcePlan | undefined,
  session: CommandSession,
): BackupSource {
  if (plan !== undefined) return { kind: 'files', paths: plan.sources };
  const fileName = flags['stdin-filename'] ?? 'stdin';
  const bytes = Buffer.byteLength(fileName);
  if (/[/\0]/u.test(fileName) || ['', '.', '..'].includes(fileName) || bytes > 255) {
    throw new AppError('input/usage', `"${fileName}" cannot be the name of a file`, {
      hint: 'Give --stdin-filename a name without directories',
    });
  }
  const stream = flags.stdin ? standardInput(session) : commandOutput(rest, session);
  // The command itself may hold secrets, and its arguments change from run to run: the name says what it is.
  const kind = flags.stdin ? 'standard-input' : 'command';
  return { kind, fileName, description: fileName, stream };
}

async function* standardInput({ stdin, signal }: CommandSession): AsyncGenerator<Uint8Array> {
  const { readStandardInput } = await import('../../source/command/command-source.ts');
  yield* readStandardInput({ input: stdin, signal });
}

async function* commandOutput(
  argv: readonly string[],
  { signal, workingDirectory, environment }: CommandSession,
): AsyncGenerator<Uint8Array> {
  const { readCommand } = await import('../../source/command/command-source.ts');
  yield* readCommand(argv, { signal, environment, directory: workingDirectory });
}

function settingsOf(
  { flags }: Input,
  source: BackupSource,
  filter: PathFilter,
  session: CommandSession,
): BackupInput {
  const { version } = session;
  const level = (flags.compression ?? 'default') as keyof typeof levels;
  return {
    source,
    filter,
    walk: {
      oneFileSystem: flags['one-file-system'],
      excludeIfPresent: flags['exclude-if-present'].map(pathBytes),
      excludeCaches: flags['exclude-caches'],
    },
    hostName: flags.host ?? hostname(),
    userName: userName(),
    tags: splitTags([...flags.tag, ...(flags.job === undefined ? [] : [`job:${flags.job}`])]),
    time:
      flags.time === undefined
        ? undefined
        : parseTime(flags.time, { now: session.clock.now(), timeZone: session.timeZone }),
    program: `holdfast ${version}`,
    verify: !flags['no-verify'],
    compressionLevel: levels[level],
    workers: workerCount(flags['read-concurrency']),
    forceRead: flags['force-read'],
    verbose: flags.verbose,
  };
}

/** A user without an entry in the system's list has a number all the same. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '');
  }
}

/** Finds out how much there is while the backup is under way, for the time left. Whatever goes wrong the backup itself meets, and tells. */
async function tellTotal(
  plan: SourcePlan,
  { filter, walk }: BackupInput,
  { clock, output }: CommandSession,
  signal: AbortSignal,
): Promise<void> {
  try {
    await clock.sleep(SURVEY_AFTER, { signal });
    const { survey } = await import('../../engine/survey.ts');
    const told = ({ files, bytes }: Survey, final: boolean): void =>
      output.report({ type: 'total', files, bytes, final });
    const options: SurveyOptions = {
      filter,
      walk,
      signal,
      monotonic: () => clock.monotonic(),
      onProgress: (sofar) => told(sofar, false),
    };
    told(await survey(plan, options), true);
  } catch {
    // The backup has ended, or has met the same problem itself.
  }
}

/** What would be backed up, without a look into the repository: nobody is asked for a passphrase. */
async function pretend(
  place: LocatedDestination,
  input: Input,
  plan: SourcePlan | undefined,
  { filter, walk }: BackupInput,
  session: CommandSession,
): Promise<number> {
  const { clock, output, signal } = session;
  await using located = place;
  if (plan === undefined) {
    throw new AppError('input/usage', 'What a stream will bring cannot be known: no dry run', {
      hint: 'Leave --dry-run out',
    });
  }
  const begun = clock.monotonic();
  if (located.localPath !== undefined) refuseNesting(plan.sources, filter, located.localPath);
  if (located.repositoryId === undefined) {
    output.report({
      type: 'notice',
      message: `There is no repository in "${located.name}" yet: it would be made`,
    });
  }
  output.report({ type: 'phase', phase: 'Looking' });
  const { survey } = await import('../../engine/survey.ts');
  const found = await survey(plan, {
    filter,
    walk,
    signal,
    monotonic: () => clock.monotonic(),
    onEntry(entryPath, { size }) {
      if (input.flags.verbose)
        output.report({ type: 'entry', action: 'found', path: entryPath, size });
    },
    onProblem: (problemPath, error) =>
      output.report({ type: 'problem', severity: 'error', path: problemPath, error }),
    onProgress: ({ files, bytes, errors }) =>
      output.report({ type: 'progress', ...noCounters, files, bytes, errors }),
  });
  const { files, bytes, errors, directories, others } = found;
  const summary: SummaryEvent = {
    type: 'summary',
    operation: 'backup',
    ...noCounters,
    files,
    bytes,
    errors,
    dryRun: true,
    milliseconds: clock.monotonic() - begun,
    details: { directories, others },
  };
  output.report(summary);
  return errors > 0 ? 3 : 0;
}
