import { counted } from '../../../base/counted.ts';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';

import { hasCode, systemCodeOf } from '../../../base/errors.ts';
import { joinPath } from '../../../base/posix/path-bytes.ts';
import { restoreArchive, type Rename } from '../../../engine/archive/restore-archive.ts';
import { pathBytes } from '../../../model/path-text.ts';
import { actionContext } from '../action-context.ts';
import { chosenSets } from '../chosen-sets.ts';
import { exitCodes, fatal } from '../fatal.ts';
import { openDuplicityArchive, synchroniseArchive } from '../open-duplicity-archive.ts';
import { archivePath, type DuplicityRun } from '../run-settings.ts';
import { workerCount } from '../../worker-count.ts';
import { warningCodes } from '../duplicity-log.ts';

/** `restore`: puts a backup, or a part of it, into a directory. */
export async function run(given: DuplicityRun): Promise<number> {
  const { context, log, line } = given;
  const { options } = line;
  const [url, place] = given.action.arguments;
  const target = pathBytes(path.resolve(context.workingDirectory, place!));
  const force = options.has('force');
  const below = options.text('path-to-restore');
  if (!force && (await isOccupied(target))) {
    throw fatal(
      exitCodes.restoreTargetExists,
      `Restore destination directory ${place} already exists.\nWill not overwrite.`,
      { code: 'target/refused' },
    );
  }
  await using opened = await openDuplicityArchive(url!, given, { use: 'read', lock: true });
  const { chains } = opened.collection;
  await synchroniseArchive(
    opened,
    given,
    chains.length === 0 ? [] : chosenSets(opened.collection, given, 'backup').sets,
  );
  const { sets } = chosenSets(opened.collection, given, 'backup');
  const dryRun = options.has('dry-run');
  const part = archivePath(below);
  try {
    const { volumes, summary } = await restoreArchive(
      {
        archive: opened.archive,
        sets,
        path: part,
        target,
        force,
        owners: ownersOf(given),
        renames: renamesOf(options.list('rename'), part),
        dryRun,
        ignoreErrors: options.has('ignore-errors'),
        verbose: log.isShown('INFO'),
        threads: workerCount(undefined),
      },
      actionContext(given),
    );
    if (dryRun) {
      log.notice(
        ['Required volumes to restore:', ...volumes.map((name) => `\t${name}`)].join('\n'),
      );
    }
    if (summary.errors > 0) {
      const was = summary.errors === 1 ? 'it was' : 'they were';
      log.warning(`${counted(summary.errors, 'entry')} could not be restored as ${was}`, {
        code: warningCodes.cannotProcess,
      });
    }
  } catch (error) {
    if (!hasCode(error, 'snapshot/missing') || below === undefined) throw error;
    throw fatal(
      exitCodes.restorePathNotFound,
      `${below} not found in archive - no files restored.`,
      { cause: error },
    );
  }
  return 0;
}

/** Whose files become. */
export function ownersOf({ line: { options } }: DuplicityRun): 'numbers' | 'names' | 'none' {
  if (options.has('no-restore-ownership')) return 'none';
  return options.has('numeric-owner') ? 'numbers' : 'names';
}

/** Both paths of a rename lie in what is restored, also where that is a part of the archive. */
function renamesOf(words: readonly string[], part: Uint8Array): Rename[] {
  const within = (word: string | undefined): Uint8Array => joinPath(part, archivePath(word));
  const renames: Rename[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    renames.push({ from: within(words[at]), to: within(words[at + 1]) });
  }
  return renames;
}

/** Whether there is something that a restore would change. */
async function isOccupied(target: Buffer): Promise<boolean> {
  try {
    if (!(await lstat(target)).isDirectory()) return true;
    return (await readdir(target)).length > 0;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
