import { AppError, exitStatusOf, hasCode } from '../../base/errors.ts';
import type { BackupInput, BackupSource } from '../../engine/backup.ts';
import type { OperationEvent } from '../../model/event.ts';
import type { DatabaseDump } from '../../source/database/database-dump.ts';
import { isDatabaseUrl } from '../../source/database/database-url.ts';
import { listDumps } from '../../source/database/list-dumps.ts';
import type { CommandInput } from '../command.ts';
import type { backup } from '../definitions/backup.ts';
import type { LocatedDestination } from '../locate-destination.ts';
import { openLocated } from '../open-destination.ts';
import { operationContext } from '../operation-context.ts';
import type { CommandSession } from '../session.ts';
import { databaseAddress } from './database-address.ts';
import { findDatabasePassword } from './database-password.ts';
import { databaseTools } from './tool-runner.ts';

type Input = CommandInput<typeof backup>;

const defaultWait = 30_000;
/** How often a dump is made again because a prune took what it relied on. */
const mostAttempts = 3;

/** The databases among what is to be backed up; with them there must be nothing else. @throws AppError `input/usage` */
export function databaseSources({ flags, arguments: given }: Input): readonly string[] {
  const sources = given.SOURCE ?? [];
  const urls = sources.filter(isDatabaseUrl);
  if (urls.length > 0 && urls.length < sources.length) {
    throw new AppError('input/usage', 'Databases and directories cannot be in one snapshot', {
      hint: 'Back them up by two commands; they may use the same repository',
    });
  }
  return [...flags['database-source'], ...urls];
}

/**
 * `backup` of databases: a snapshot for each. One that fails is told, has no snapshot, and does not stop the others. Gives the exit status: that of the first
 * failure, or 0. The place is its own from then on.
 */
export async function backupDatabases(
  located: LocatedDestination,
  input: Input,
  settingsOf: (source: BackupSource) => BackupInput,
  session: CommandSession,
): Promise<number> {
  await using place = located;
  const { flags } = input;
  const { output, signal, clock } = session;
  const context = operationContext(session);
  const failures: AppError[] = [];
  const fail = (label: string, error: unknown): void => {
    signal.throwIfAborted();
    if (!(error instanceof AppError)) throw error;
    failures.push(error);
    context.report({ type: 'problem', severity: 'error', path: Buffer.from(label), error });
  };
  context.report({ type: 'phase', phase: 'Asking the database server' });
  const password = await findDatabasePassword(flags, session);
  await using tools = await databaseTools(flags, session);
  const dumps: DatabaseDump[] = [];
  const sources = databaseSources(input).map((text) => databaseAddress(text, password, session));
  for (const address of sources) {
    try {
      const found = await listDumps(
        {
          address,
          tools,
          clock,
          format: flags['database-format'] as 'plain' | undefined,
          globals: flags['database-globals'],
          include: flags['database-include'],
          exclude: flags['database-exclude'],
          arguments: flags['database-argument'],
          wait: flags['database-wait'] ?? defaultWait,
          name: flags['database-name'],
          temporaryDirectory: session.environment['TMPDIR'] || undefined,
        },
        { signal },
      );
      dumps.push(...found);
    } catch (error) {
      // What one server says does not matter to the others.
      if (sources.length === 1) throw error;
      fail(`${address.kind}://${address.server}`, error);
    }
  }
  refuseSameLabels(dumps);
  if (flags['dry-run']) {
    for (const { label, notice } of dumps) {
      output.report({ type: 'notice', message: `"${label}" would be dumped` });
      if (notice !== undefined) output.report({ type: 'notice', message: notice });
      output.object({ type: 'dump', source: label });
    }
    return failures.length === 0 ? 0 : exitStatusOf(failures[0]);
  }
  if (dumps.length === 0) throw failures[0]!;
  const [repository, engine] = await Promise.all([
    openLocated(place, flags, session, { mode: flags['no-init'] ? 'write' : 'make' }),
    import('../../engine/backup.ts'),
  ]);
  await using opened = repository;
  for (const dump of dumps) {
    const { label, database, format, notice } = dump;
    output.report({ type: 'notice', message: `Dumping "${label}"` });
    if (notice !== undefined) output.report({ type: 'notice', message: notice });
    const details = { source: label, format, ...(database !== undefined && { database }) };
    const report = (event: OperationEvent): void =>
      context.report(
        event.type === 'summary' ? { ...event, details: { ...event.details, ...details } } : event,
      );
    try {
      for (let attempt = 1; ; attempt++) {
        const source: BackupSource = {
          kind: 'command',
          fileName: dump.fileName,
          description: label,
          stream: dump.stream({ signal }),
        };
        try {
          report(await engine.backup(opened, settingsOf(source), { ...context, report }));
          break;
        } catch (error) {
          if (attempt === mostAttempts || !hasCode(error, 'repository/locked')) throw error;
        }
      }
    } catch (error) {
      fail(label, error);
    }
  }
  if (failures.length > 0 && dumps.length > 1) {
    const done = dumps.length - failures.length;
    output.note(
      `${failures.length} failed, ${done} of ${dumps.length} dumps are in the repository`,
    );
  }
  return failures.length === 0 ? 0 : exitStatusOf(failures[0]);
}

/** Two of one name could not be told apart later. */
function refuseSameLabels(dumps: readonly DatabaseDump[]): void {
  const labels = dumps.map(({ label }) => label);
  const twice = labels.find((label, index) => labels.indexOf(label) !== index);
  if (twice === undefined) return;
  throw new AppError('input/usage', `Two databases would be called "${twice}"`, {
    hint: 'Back them up by two commands, each with another --database-name',
  });
}
