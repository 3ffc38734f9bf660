import { padme } from '../../../codec/padme.ts';

/** A pack closes when padding costs no more than this: less is hardly found in time, and more adds up. */
const cheapPadding = 0.002;
/** Of the target: what a pack has at least, unless there is no more. */
const earliestClose = 0.75;
/** Of the target: where a pack closes whatever padding costs. */
export const latestClose = 1.5;

/**
 * Which of the segments that wait a pack is to close with; undefined if it had better go on. Lengths that need no padding are some three per cent apart (native.md,
 * section 8.2): of a few segments there often are some with which the pack is just below one of them.
 *
 * @param waiting all combinations are tried, so there must be few
 * @param sizeWith bytes of the pack with some of them, without padding
 * @param target bytes
 */
export function chooseLast<Segment>(
  waiting: readonly Segment[],
  sizeWith: (some: readonly Segment[]) => number,
  target: number,
): readonly Segment[] | undefined {
  const most = sizeWith(waiting);
  if (most < target) return undefined;
  let cheapest = most >= target * latestClose ? Infinity : cheapPadding;
  let best: readonly Segment[] | undefined;
  for (let choice = 0; choice < 2 ** waiting.length; choice++) {
    const some = waiting.filter((_, index) => (choice & (1 << index)) !== 0);
    const size = sizeWith(some);
    const cost = padme(size) / size - 1;
    if (size < target * earliestClose || cost > cheapest) continue;
    cheapest = cost;
    best = some;
  }
  return best;
}
