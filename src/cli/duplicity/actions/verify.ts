import { statSync } from 'node:fs';
import path from 'node:path';

import { SourceItems } from '../../../engine/archive/source-items.ts';
import { differenceText } from '../../../engine/archive/tree-difference.ts';
import { verifyArchive } from '../../../engine/archive/verify-archive.ts';
import type { SourceItem } from '../../../repository/duplicity/writer/source-item.ts';
import { planSources } from '../../../source/filesystem/source-plan.ts';
import { pathBytes } from '../../../model/path-text.ts';
import { actionContext, shownPath } from '../action-context.ts';
import { chosenSets } from '../chosen-sets.ts';
import { counted } from '../collection-text.ts';
import { exitCodes, fatal } from '../fatal.ts';
import { openDuplicityArchive, synchroniseArchive } from '../open-duplicity-archive.ts';
import { calendarTime } from '../python-text.ts';
import { archivePath, type DuplicityRun } from '../run-settings.ts';
import { plainSource } from '../selection.ts';
import { selectionOf } from '../source-selection.ts';
import { ownersOf } from './restore.ts';

/**
 * `verify`: reads every volume that is needed and puts every file together. With `--compare-data` differences to the directory are told, and make the exit code 1; without,
 * attributes that differ are only counted in a warning: see docs/decisions/duplicity-drop-in.md.
 */
export async function run(given: DuplicityRun): Promise<number> {
  const { log, line, context } = given;
  const { options } = line;
  const [url, place] = given.action.arguments;
  const compares = options.has('compare-data');
  const items = itemsOf(place!, given);
  await using opened = await openDuplicityArchive(url!, given, { use: 'read', lock: true });
  const { chains } = opened.collection;
  await synchroniseArchive(
    opened,
    given,
    chains.length === 0 ? [] : chosenSets(opened.collection, given, 'backup').sets,
  );
  const { sets } = chosenSets(opened.collection, given, 'backup');
  const { timeZone } = context;
  const { compared, differences, errors } = await verifyArchive(
    {
      archive: opened.archive,
      sets,
      path: archivePath(options.text('path-to-restore')),
      items,
      compare: compares ? 'contents' : 'attributes',
      owners: ownersOf(given) === 'numbers' ? 'numbers' : 'names',
      ignoreErrors: options.has('ignore-errors'),
      onDifference(where, difference) {
        const name = Buffer.from(shownPath(where)).toString('latin1');
        const text = differenceText(difference, name, (time) => calendarTime(time, timeZone));
        const bytes = Buffer.from(text, 'latin1');
        if (compares) log.notice(bytes);
        else log.info(bytes);
      },
    },
    actionContext(given),
  );
  const counts = compares ? differences : 0;
  log.notice(
    `Verify complete: ${counted(compared, 'file')} compared, ${counted(counts, 'difference')} found.`,
  );
  if (!compares && differences > 0) {
    log.warning(
      `${counted(differences, 'file')} in ${place} differ from the backup in type, owner, mode or time; --compare-data compares everything and lists them`,
    );
  }
  if (errors > 0) log.error(`${counted(errors, 'file')} could not be verified`);
  return counts > 0 || errors > 0 ? 1 : 0;
}

function itemsOf(place: string, given: DuplicityRun): Iterable<SourceItem> {
  const { context, line } = given;
  const target = path.resolve(context.workingDirectory, place);
  const bytes = pathBytes(target);
  if (statSync(bytes, { throwIfNoEntry: false }) === undefined) {
    throw fatal(exitCodes.verifyDirectoryMissing, `Verify directory ${place} does not exist`, {
      code: 'source/missing',
    });
  }
  const select = selectionOf(place, target, given) ?? ((): 'include' => 'include');
  const { report } = actionContext(given, { source: pathBytes(plainSource(place)) });
  return new SourceItems(
    planSources([bytes]),
    { select },
    { isFileRoot: true, followLinks: line.options.has('copy-links') },
    {
      onProblem: (where, error) =>
        report({ type: 'problem', severity: 'error', path: where, error }),
      onLink: (where, error) =>
        report({ type: 'problem', severity: 'warning', path: where, error }),
      onSocket: () => undefined,
    },
  );
}
