import type { Outcome } from '../../model/run.ts';
import type { ActivityEnd } from './step-context.ts';

/** From what says least about the whole to what says most. */
const weights: readonly Outcome[] = [
  'skipped',
  'succeeded',
  'warned',
  'cancelled',
  'broken',
  'failed',
];

/** How parts make a whole: the worst of them counts, its reason first. All skipped is skipped; some skipped are told. */
export function combineEnds(ends: readonly ActivityEnd[]): ActivityEnd {
  const worst = ends.reduce<Outcome>(
    (found, { outcome }) => (weights.indexOf(outcome) > weights.indexOf(found) ? outcome : found),
    ends.length === 0 ? 'succeeded' : 'skipped',
  );
  const told = ends.toSorted(
    (one, other) => weights.indexOf(other.outcome) - weights.indexOf(one.outcome),
  );
  const reasons = [...new Set(told.flatMap(({ reason }) => reason ?? []))];
  const problem = told.find(({ outcome, problem: one }) => outcome === worst && one)?.problem;
  return {
    outcome: worst,
    ...(reasons.length > 0 && { reason: reasons.join('; ') }),
    ...(problem !== undefined && { problem }),
  };
}
