import { AppError } from '../../base/errors.ts';
import { pathText } from '../../model/path-text.ts';
import { compareNewestFirst } from '../../model/snapshot-group.ts';
import { splitSnapshotPath } from '../../model/snapshot-selector.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { chooseSnapshot } from '../choose-snapshot.ts';
import type { CommandSession } from '../session.ts';

export interface ChosenDump {
  readonly snapshot: Snapshot;
  /** The file of the snapshot; `undefined` if it is its only one. */
  readonly path: string | undefined;
}

/**
 * The dump that a user means: the name of one (the newest snapshot of it), an id or a time with or without a path, or nothing if there are dumps of one database
 * only.
 *
 * @throws AppError `input/usage` if it is not clear which, `snapshot/missing`
 */
export function chooseDump(
  snapshots: readonly Snapshot[],
  text: string | undefined,
  session: CommandSession,
): ChosenDump {
  const complete = snapshots
    .filter(({ state }) => state === 'complete')
    .toSorted(compareNewestFirst);
  if (text !== undefined && text !== '') {
    const named = complete.filter((snapshot) => {
      const label = labelOf(snapshot);
      return label === text || label?.endsWith(`/${text}`) === true;
    });
    requireOne(named);
    if (named[0] !== undefined) return { snapshot: named[0], path: undefined };
  }
  const { snapshot: selector, path } = splitSnapshotPath(text ?? 'latest');
  if (selector !== 'latest') {
    return { snapshot: chooseSnapshot(snapshots, selector, session), path: path || undefined };
  }
  if (path !== undefined && path !== '') {
    const named = chooseNamed(complete, path);
    if (named !== undefined) return named;
    return { snapshot: chooseSnapshot(snapshots, 'latest', session), path };
  }
  const dumps = complete.filter((snapshot) => labelOf(snapshot) !== undefined);
  requireOne(dumps);
  if (dumps[0] !== undefined) return { snapshot: dumps[0], path: undefined };
  throw new AppError('snapshot/missing', 'There is no dump of a database in the repository', {
    hint: 'For one that is a file of another snapshot, write SNAPSHOT:PATH',
  });
}

function chooseNamed(complete: readonly Snapshot[], path: string): ChosenDump | undefined {
  const named = complete.filter((snapshot) => labelOf(snapshot)?.endsWith(`/${path}`) === true);
  requireOne(named);
  return named[0] === undefined ? undefined : { snapshot: named[0], path: undefined };
}

/** What a snapshot of a stream is called; other snapshots have absolute paths. */
function labelOf({ paths }: Snapshot): string | undefined {
  const [path] = paths;
  if (path === undefined || paths.length > 1) return undefined;
  const text = pathText(path);
  return text.startsWith('/') ? undefined : text;
}

function requireOne(found: readonly Snapshot[]): void {
  const labels = [...new Set(found.map((snapshot) => labelOf(snapshot)!))];
  if (labels.length < 2) return;
  const shown = labels.slice(0, 10).map((label) => `"${label}"`);
  throw new AppError(
    'input/usage',
    `It is not clear which dump is meant: there are ${labels.length}`,
    {
      hint: `Write the name of one: ${shown.join(', ')}${labels.length > 10 ? ' …' : ''}`,
    },
  );
}
