import { AppError } from '../base/errors.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { pathBytes } from '../model/path-text.ts';
import type { OperationContext } from '../engine/operation.ts';
import type { SnapshotView } from '../engine/view/snapshot-view.ts';
import { pathShownAs } from './output/display-text.ts';

/**
 * Looks for a path of a snapshot as a user has written it: as `ls` shows it, with escapes, where that is there, otherwise as it stands.
 * `look` is called for one after the other, and throws `snapshot/missing` for what is not there.
 */
export async function meantPath<Result>(
  text: string,
  look: (path: Uint8Array) => Promise<Result>,
): Promise<Result> {
  const shown = pathShownAs(text);
  if (shown !== undefined) {
    try {
      return await look(shown);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'snapshot/missing')) throw error;
    }
  }
  return await look(pathBytes(text));
}

/** The path that is meant in a snapshot; undefined for none. */
export async function pathIn(
  view: Pick<SnapshotView, 'list'>,
  snapshot: Snapshot,
  text: string | undefined,
  context: OperationContext,
): Promise<Uint8Array | undefined> {
  if (text === undefined) return undefined;
  if (pathShownAs(text) === undefined) return pathBytes(text);
  const silent = { ...context, report: () => undefined };
  return await meantPath(text, async (path) => {
    // One that is not there is told by whoever uses it.
    for await (const _entry of view.list({ snapshot, path }, false, silent)) break;
    return path;
  });
}
