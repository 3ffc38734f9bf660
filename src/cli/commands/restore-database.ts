import { tmpdir } from 'node:os';

import { AppError } from '../../base/errors.ts';
import { systemRandom } from '../../base/random.ts';
import { formatCount } from '../../base/size.ts';
import type { SnapshotView } from '../../engine/view/snapshot-view.ts';
import { noCounters } from '../../model/event.ts';
import {
  type DatabaseAddress,
  fileAddress,
  isDatabaseUrl,
  parseDatabaseUrl,
} from '../../source/database/database-url.ts';
import {
  type DumpFormat,
  dumpFormats,
  headLength,
  recogniseDump,
} from '../../source/database/dump-format.ts';
import { pathText } from '../../model/path-text.ts';
import type { CommandRun } from '../command.ts';
import { databaseAddress } from '../database/database-address.ts';
import { type ChosenDump, chooseDump } from '../database/choose-dump.ts';
import { findDatabasePassword } from '../database/database-password.ts';
import { databaseTools } from '../database/tool-runner.ts';
import type { restoreDatabase } from '../definitions/restore-database.ts';
import { givenPath } from '../given-path.ts';
import { pathIn } from '../meant-path.ts';
import { openView } from '../open-view.ts';
import { operationContext } from '../operation-context.ts';
import { displayText } from '../output/display-text.ts';
import type { CommandSession } from '../session.ts';
import { shortId, timeText } from '../snapshot-text.ts';

const defaultWait = 30_000;

export const run: CommandRun<typeof restoreDatabase> = async (input, session) => {
  const { flags } = input;
  const { output, clock, signal, environment } = session;
  const beginning = clock.monotonic();
  const { loadDump } = await import('../../source/database/load-dump.ts');
  // What is wrong with the target is told before anything is opened.
  const isUrl = flags.to !== undefined && isDatabaseUrl(flags.to);
  const password = await findDatabasePassword(flags, session);
  const given = isUrl ? databaseAddress(flags.to, password, session) : undefined;
  await using tools = await databaseTools(flags, session);
  await using view = await openView(input.arguments.URL, flags, session);
  const chosen = chooseDump(view.snapshots, input.arguments['SNAPSHOT[:PATH]'], session);
  const { snapshot } = chosen;
  const text = chosen.path ?? (await onlyFile(view, chosen, session));
  const path = (await pathIn(view, snapshot, text, operationContext(session)))!;
  let bytes = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of view.read(snapshot, path, operationContext(session))) {
      bytes += piece.length;
      output.report({ type: 'progress', ...noCounters, bytes, bytesRead: bytes });
      yield piece;
    }
  };
  await using dump = await beginRead(counted());
  const format = recogniseDump(dump.head);
  if (format === undefined) {
    throw new AppError('input/invalid', `"${text}" is no dump of a database that can be loaded`, {
      hint: 'It does not begin like one; "holdfast cat" writes it to a file',
    });
  }
  const target = given ?? fileTarget(flags.to, format, session);
  output.report({
    type: 'notice',
    message: `Snapshot ${shortId(snapshot.id)} of ${timeText(snapshot.time, session.timeZone)}: "${text}", ${dumpFormats[format].title}`,
  });
  output.report({ type: 'phase', phase: 'Loading' });
  const loaded = await loadDump(
    {
      target,
      tools,
      clock,
      random: systemRandom,
      wait: flags['database-wait'] ?? defaultWait,
      format,
      dump: dump.pieces,
      create: flags.create,
      clean: flags.clean,
      scratch: flags.scratch,
      owners: !flags['no-owners'],
      arguments: flags['database-argument'],
      temporaryDirectory: environment['TMPDIR'] || tmpdir(),
      onScratch: (name) => output.object({ type: 'scratch', name }),
    },
    { signal },
  );
  const tables = loaded.tables ?? [];
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  if (loaded.tables !== undefined) {
    for (const { name, rows: count } of tables) output.object({ type: 'table', name, rows: count });
    output.table(
      [{ title: 'Table' }, { title: 'Rows', align: 'right' }],
      tables.map(({ name, rows: count }) => [displayText(name), formatCount(count)]),
    );
  }
  output.report({
    type: 'summary',
    operation: 'restore',
    ...noCounters,
    files: 1,
    bytes,
    bytesRead: bytes,
    snapshot: snapshot.id,
    dryRun: false,
    milliseconds: clock.monotonic() - beginning,
    details: {
      target: flags.scratch ? 'a scratch database' : loaded.name,
      database: loaded.name,
      format,
      scratch: flags.scratch,
      ...(loaded.tables !== undefined && { tables: tables.length, rows }),
    },
  });
  return 0;
};

/** The path of the only file in a snapshot. */
async function onlyFile(
  view: SnapshotView,
  { snapshot }: ChosenDump,
  session: CommandSession,
): Promise<string> {
  const files: string[] = [];
  for await (const { path, entry } of view.list({ snapshot }, true, operationContext(session))) {
    if (entry.type === 'file') files.push(pathText(path));
    if (files.length > 1) break;
  }
  if (files.length === 1) return files[0]!;
  throw new AppError(
    'input/usage',
    files.length === 0
      ? `There is no file in the snapshot ${shortId(snapshot.id)}`
      : `The snapshot ${shortId(snapshot.id)} holds several files`,
    { hint: 'Say which one is the dump: SNAPSHOT:PATH' },
  );
}

function fileTarget(
  text: string | undefined,
  format: DumpFormat,
  { workingDirectory }: CommandSession,
): DatabaseAddress {
  const kind = format === 'sqlite' || format === 'redis' ? format : undefined;
  if (kind !== undefined && text === undefined) return fileAddress(kind, '');
  if (text === undefined) {
    throw new AppError(
      'input/usage',
      '"--to" is missing: the server where a scratch database may be made',
    );
  }
  if (kind === undefined || /^[a-z][a-z0-9+]*:\/\//u.test(text)) {
    // Tells what is wrong with it.
    return parseDatabaseUrl(text);
  }
  return fileAddress(kind, givenPath(text, 'The target', workingDirectory));
}

/** Reads the beginning of a stream, which can be read from the beginning all the same. */
async function beginRead(
  stream: AsyncGenerator<Uint8Array>,
): Promise<
  AsyncDisposable & { readonly head: Uint8Array; readonly pieces: AsyncGenerator<Uint8Array> }
> {
  let head = Buffer.alloc(0);
  let isOver = false;
  try {
    while (head.length < headLength && !isOver) {
      const { value, done } = await stream.next();
      isOver = done === true;
      if (value !== undefined) head = Buffer.concat([head, value as Uint8Array]);
    }
  } catch (error) {
    await stream.return(undefined);
    throw error;
  }
  return {
    head,
    pieces: (async function* (): AsyncGenerator<Uint8Array> {
      yield head;
      if (!isOver) yield* stream;
    })(),
    async [Symbol.asyncDispose]() {
      await stream.return(undefined);
    },
  };
}
