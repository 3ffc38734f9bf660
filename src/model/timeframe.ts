import { type Duration, durationMilliseconds, parseDuration } from '../base/duration.ts';
import { AppError } from '../base/errors.ts';
import { addDuration } from '../base/time-zone.ts';
import type { Snapshot } from './snapshot.ts';

/** One part of Duplicati's retention policy: up to this age, keep one snapshot per interval. */
export interface Timeframe {
  /** How far it reaches back from now; `undefined` is without end. */
  readonly reach: Duration | undefined;
  /** The least time between two kept snapshots; `undefined` keeps all. */
  readonly interval: Duration | undefined;
}

/** Reads `1W:1D,4W:1W,12M:1M`; `U` is unlimited on either side. Throws `input/invalid`. */
export function parseTimeframes(text: string): Timeframe[] {
  return text.split(',').map((part) => {
    const sides = part.trim().split(':');
    if (sides.length !== 2) {
      throw new AppError('input/invalid', `"${part}" is not a part of a retention policy`, {
        hint: 'Write timeframe:interval pairs such as 1W:1D,4W:1W,12M:1M, with U for unlimited',
      });
    }
    const [reach, interval] = sides.map((side) => (side === 'U' ? undefined : parseDuration(side)));
    return { reach, interval };
  });
}

/**
 * Which snapshots (newest first) such a policy keeps. The frames lie behind one another, the shortest first; in each, the oldest
 * snapshot is kept and then each next one that is at least the interval younger than the one kept before. The newest snapshot belongs
 * to no frame and is kept; what is older than all frames is not.
 */
export function keepByTimeframes(
  snapshots: readonly Snapshot[],
  timeframes: readonly Timeframe[],
  now: number,
  timeZone: string,
): Snapshot[] {
  const length = ({ reach }: Timeframe): number =>
    reach === undefined ? Infinity : durationMilliseconds(reach);
  const kept = snapshots.slice(0, 1);
  let rest = snapshots.slice(1);
  for (const { reach, interval } of timeframes.toSorted((left, right) =>
    length(left) < length(right) ? -1 : 1,
  )) {
    const start = reach === undefined ? -Infinity : addDuration(now, reach, -1, timeZone);
    const inside = rest.filter(({ time }) => time >= start);
    rest = rest.filter(({ time }) => time < start);
    let due = -Infinity;
    for (const snapshot of inside.toReversed()) {
      if (snapshot.time < due) continue;
      kept.push(snapshot);
      if (interval !== undefined) due = addDuration(snapshot.time, interval, 1, timeZone);
    }
  }
  return kept;
}
