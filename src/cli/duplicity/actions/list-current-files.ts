import { ArchiveReader } from '../../../repository/duplicity/reader/archive-reader.ts';
import { actionContext, shortTypes, shownPath } from '../action-context.ts';
import { chosenSets } from '../chosen-sets.ts';
import { infoCodes, warningCodes } from '../duplicity-log.ts';
import { joinText } from '../log-text.ts';
import {
  openDuplicityArchive,
  synchroniseArchive,
  useOfMetadata,
} from '../open-duplicity-archive.ts';
import { calendarTime, compactTime, quoted } from '../python-text.ts';
import { type DuplicityRun, restoreTime } from '../run-settings.ts';

/** So many lines are written before the reader is waited for. */
const LINES_AHEAD = 2000;

/** `list-current-files`: what a backup holds, from the signatures alone. */
export async function run(given: DuplicityRun): Promise<number> {
  const { context, log } = given;
  const { signal, timeZone } = context;
  const [url] = given.action.arguments;
  await using opened = await openDuplicityArchive(url!, given, {
    use: (collection) =>
      collection.chains.length === 0
        ? 'names'
        : useOfMetadata(chosenSets(collection, given, 'signature').sets),
    lock: true,
  });
  const before =
    opened.collection.chains.length === 0
      ? []
      : chosenSets(opened.collection, given, 'signature').sets;
  await synchroniseArchive(opened, given, before);
  const { sets, chain } = chosenSets(opened.collection, given, 'signature');
  const time = restoreTime(given);
  if (time !== undefined && time < chain.start) {
    const message = `No signature chain for the requested time. Using oldest available chain, starting at time ${calendarTime(chain.start, timeZone)}.`;
    const extra = compactTime(chain.start);
    log.warning(message, { code: warningCodes.noSignaturesForTime, extra });
  }
  const { report } = actionContext(given);
  const entries = new ArchiveReader(opened.archive).list(sets, {
    signal,
    onProblem: ({ path, ...problem }) =>
      report({ type: 'problem', ...problem, ...(path !== undefined && { path }) }),
  });
  let lines = 0;
  for await (const { path, entry } of entries) {
    const { seconds } = entry.mtime;
    const shown = shownPath(path);
    log.info(joinText(`${calendarTime(seconds, timeZone)} `, shown), {
      code: infoCodes.fileList,
      extra: `${compactTime(seconds)} ${quoted(shown)} ${shortTypes[entry.type]}`,
      always: true,
    });
    if (++lines % LINES_AHEAD !== 0) continue;
    await log.flush();
    if (log.closed) break;
  }
  return 0;
}
