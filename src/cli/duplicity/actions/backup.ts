import { lstatSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';

import { equalBytes } from '../../../base/bytes.ts';
import { hasCode } from '../../../base/errors.ts';
import { backupArchive } from '../../../engine/archive/backup-archive.ts';
import { pathBytes } from '../../../model/path-text.ts';
import type { Manifest } from '../../../repository/duplicity/manifest/manifest.ts';
import { newestInterrupted } from '../../../repository/duplicity/writer/interrupted-set.ts';
import { actionContext } from '../action-context.ts';
import { exitCodes, fatal } from '../fatal.ts';
import {
  openDuplicityArchive,
  type OpenedArchive,
  synchroniseArchive,
} from '../open-duplicity-archive.ts';
import { ProgressReport } from '../progress-report.ts';
import { quoted } from '../python-text.ts';
import { type DuplicityRun, timeOf } from '../run-settings.ts';
import { plainSource } from '../selection.ts';
import { selectionOf } from '../source-selection.ts';
import { statisticsText } from '../statistics-text.ts';
import { storeStatistics } from '../store-statistics.ts';

const MEBIBYTE = 1024 * 1024;

/** `full`, `incremental`, or whichever is due: backs a directory or a single file up. */
export async function run(given: DuplicityRun): Promise<number> {
  const { line, log, action, context, now } = given;
  const { options } = line;
  const [source, url] = action.arguments;
  const root = path.resolve(context.workingDirectory, source!);
  requireSource(source!, root, options.has('copy-links'));
  const select = selectionOf(source!, root, given);
  const volumeMebibytes = options.number('volsize') ?? 200;
  if (volumeMebibytes < 1) {
    throw fatal(exitCodes.commandLine, 'duplicity: error: --volsize must be at least 1');
  }
  await using opened = await openDuplicityArchive(url!, given, {
    use: ({ chains }) => (action.name === 'full' || chains.length === 0 ? 'create' : 'write'),
    lock: true,
  });
  const { archive } = opened;
  await synchroniseArchive(opened, given, opened.collection.chains.at(-1)?.sets ?? []);
  const kind = kindOf(opened, given);
  const before = await manifestBefore(opened, given, kind);
  const hostName = hostNameAfter(before?.hostname);
  const sourceName = pathBytes(plainSource(source!));
  if (kind !== 'full' && before !== undefined && !options.has('allow-source-mismatch')) {
    requireSameSource(before, sourceName, hostName);
  }
  const progress = options.has('progress')
    ? new ProgressReport(log, context.clock, options.number('progress-rate') ?? 3)
    : undefined;
  const currentTime = options.has('current-time') ? { time: now } : {};
  // Also where an interrupted set was found that turns out not to go on.
  const age = action.name === 'backup' ? options.text('full-if-older-than') : undefined;
  const fullIfOlderThan = age === undefined ? undefined : timeOf(age, given);
  const result = await backupArchive(
    archive,
    {
      paths: [pathBytes(root)],
      tree: { select },
      walk: { isFileRoot: true, followLinks: options.has('copy-links') },
      kind,
      fullIfOlderThan,
      hostName,
      sourceName,
      allowSourceMismatch: options.has('allow-source-mismatch'),
      ...currentTime,
      volumeSize: volumeMebibytes * MEBIBYTE,
      ...concurrencyOf(given),
      numericOwner: options.has('numeric-owner'),
      skipIfNoChange: options.has('skip-if-no-change'),
      dryRun: options.has('dry-run'),
      listFiles: !options.has('no-files-changed'),
      ...(options.has('max-blocksize') && { maxBlockLength: options.number('max-blocksize') }),
      verbose: log.isShown('INFO'),
      onVolume(number, bytes) {
        progress?.add(bytes);
        log.info(`Processed volume ${number}`, { code: 2, extra: String(number) });
      },
      onSet({ set, resumedAfter }) {
        if (resumedAfter === undefined) return;
        log.notice(
          `Last ${set === 'full' ? 'full' : 'incremental'} backup left a partial set, restarting.`,
        );
        log.notice(`Restarting after volume ${resumedAfter}`);
      },
    },
    actionContext(given, { source: sourceName, onEvent: (event) => progress?.event(event) }),
  );
  progress?.finish();
  if (options.has('jsonstat')) await storeStatistics(result, given, archive, root);
  if (!options.has('no-print-statistics')) {
    log.notice(statisticsText(result.statistics, context.timeZone), { always: true });
  }
  return 0;
}

function requireSource(shown: string, root: string, followLinks: boolean): void {
  const place = pathBytes(root);
  try {
    statSync(place);
  } catch (cause) {
    // A link to nowhere is there, but there is nothing to back up.
    const isLink = !followLinks && lstatSync(place, { throwIfNoEntry: false }) !== undefined;
    throw fatal(
      exitCodes.sourceMissing,
      `Backup source directory ${shown} ${isLink ? 'cannot be read' : 'does not exist'}.`,
      { code: 'source/missing', cause },
    );
  }
}

function concurrencyOf({ line: { options } }: DuplicityRun): { readonly concurrency?: number } {
  const wanted = options.number('concurrency');
  if (wanted === undefined) return {};
  return { concurrency: Math.min(16, Math.max(1, wanted)) };
}

function kindOf(
  { collection }: OpenedArchive,
  given: DuplicityRun,
): 'auto' | 'full' | 'incremental' {
  const { action, line, log } = given;
  if (action.name === 'full') return 'full';
  // An interrupted set goes on, whatever kind it is.
  if (newestInterrupted(collection) !== undefined) return 'auto';
  const { active } = collection;
  if (active === undefined) {
    if (action.name === 'incremental') {
      throw fatal(
        exitCodes.incrementalWithoutSignatures,
        'Fatal Error: Unable to start incremental backup.  Old signatures not found and incremental specified',
      );
    }
    log.warning('No signatures found, switching to full backup.');
    return 'full';
  }
  const age = line.options.text('full-if-older-than');
  if (age !== undefined && active.chain.start < timeOf(age, given)) {
    log.notice('Last full backup is too old, forcing full backup');
    return 'full';
  }
  return action.name === 'incremental' ? 'incremental' : 'auto';
}

/** The manifest of what this run goes on with: an interrupted set, else the newest set of the chain it is to build upon. */
async function manifestBefore(
  { archive, collection }: OpenedArchive,
  { context: { signal } }: DuplicityRun,
  kind: string,
): Promise<Manifest | undefined> {
  const interrupted = newestInterrupted(collection);
  if (interrupted !== undefined) {
    try {
      return await archive.manifestOf(interrupted, { signal });
    } catch (error) {
      // It cannot be continued: that is found out, and told, when it is tried.
      if (!hasCode(error, 'repository/damaged')) throw error;
    }
  }
  const base = kind === 'full' ? undefined : collection.active?.base;
  return base && archive.manifestOf(base, { signal });
}

/** The name that is recorded already, if it may be this host's with its domain; else this host's. */
function hostNameAfter(before: string | undefined): string {
  const own = hostname();
  const isSame =
    before !== undefined &&
    (before === own || before.startsWith(`${own}.`) || own.startsWith(`${before}.`));
  return isSame ? before : own;
}

function requireSameSource(before: Manifest, sourceName: Uint8Array, hostName: string): void {
  const advice =
    '\n\nAborting because you may have accidentally tried to backup two different data sets to the same remote location, or using the same archive directory.  If this is not a mistake, use the --allow-source-mismatch switch to avoid seeing this message';
  if (before.hostname !== undefined && before.hostname !== hostName) {
    throw fatal(
      exitCodes.hostnameMismatch,
      `Fatal Error: Backup source host has changed.\nCurrent hostname: ${hostName}\nPrevious hostname: ${before.hostname}${advice}`,
      { extra: `${quoted(hostName)} ${quoted(before.hostname)}` },
    );
  }
  if (before.sourcePath !== undefined && !equalBytes(before.sourcePath, sourceName)) {
    const shown = (name: Uint8Array): string => Buffer.from(name).toString('utf8');
    throw fatal(
      exitCodes.sourceMismatch,
      `Fatal Error: Backup source directory has changed.\nCurrent directory: ${shown(sourceName)}\nPrevious directory: ${shown(before.sourcePath)}${advice}`,
      { extra: `${quoted(sourceName)} ${quoted(before.sourcePath)}` },
    );
  }
}
