import type { TreeSelection } from '../../engine/archive/source-items.ts';
import type { DuplicityRun } from './run-settings.ts';
import { makeSelection, plainSource } from './selection.ts';

/** What the options choose of a directory, which the user has called `given`. Throws as `makeSelection` does. */
export function selectionOf(
  given: string,
  root: string,
  { line, log, now, context }: DuplicityRun,
): TreeSelection | undefined {
  const { timeZone, workingDirectory } = context;
  return makeSelection(line.selectors, {
    source: plainSource(given),
    root,
    nulSeparated: line.options.has('null-separator'),
    now,
    timeZone,
    workingDirectory,
    onFilelist: (file) => log.notice(`Reading globbing filelist ${file}`),
  });
}
