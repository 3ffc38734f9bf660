import type { TreeSelection } from '../../engine/archive/source-items.ts';
import type { DuplicityRun } from './run-settings.ts';
import { makeSelection, plainSource } from './selection.ts';

/** What the options choose of a directory, which the user has called `given`. Throws as `makeSelection` does. */
export function selectionOf(
  given: string,
  root: string,
  { line, log, now, context }: DuplicityRun,
): TreeSelection | undefined {
  return makeSelection(line.selectors, {
    source: plainSource(given),
    root,
    nulSeparated: line.options.has('null-separator'),
    now,
    // Found out by who needs it: that takes a while.
    get timeZone() {
      return context.timeZone;
    },
    workingDirectory: context.workingDirectory,
    onFilelist: (file) => log.notice(`Reading globbing filelist ${file}`),
  });
}
