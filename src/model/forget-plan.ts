import { AppError } from '../base/errors.ts';
import { planOf, type RetentionPlan } from './retention.ts';
import type { Snapshot } from './snapshot.ts';
import { snapshotGroups } from './snapshot-group.ts';

/**
 * The plan for forgetting snapshots that were named one by one. Throws `input/invalid` if a host and set of sources would be left
 * without a complete snapshot, unless forced. Unfinished snapshots can be named, too.
 */
export function planForget(
  snapshots: readonly Snapshot[],
  named: readonly Snapshot[],
  { force = false }: { readonly force?: boolean } = {},
): RetentionPlan {
  const ids = new Set(named.map(({ id }) => id));
  const groups = snapshotGroups(snapshots).map((group) => {
    if (!force && group.snapshots.every(({ id }) => ids.has(id))) {
      throw new AppError(
        'input/invalid',
        `No snapshot of "${group.hostname}" with these sources would be left`,
        {
          hint: 'Leave one, or add --force if this is what you want',
        },
      );
    }
    const decisions = group.snapshots.map((snapshot) => {
      const keep = !ids.has(snapshot.id);
      return { snapshot, keep, reasons: keep ? ['not named'] : [] };
    });
    return { ...group, decisions };
  });
  const plan = planOf(groups);
  const unfinished = named.filter(({ state }) => state === 'unfinished');
  return { ...plan, forget: [...plan.forget, ...unfinished] };
}
