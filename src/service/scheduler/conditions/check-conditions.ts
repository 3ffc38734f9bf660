import type { CallOptions } from '../../../base/call-options.ts';
import type { Job } from '../../../model/job.ts';
import { type PowerState, readPower } from './battery.ts';
import { reasonAbsent } from './destination-place.ts';
import { type HostPlaces, systemPlaces } from './host-places.ts';
import { isMetered } from './metered.ts';
import { isOnline } from './network.ts';

export interface ConditionOptions extends CallOptions {
  /** The addresses of the job's destinations, resolved; only those on disks are looked for. */
  readonly destinations: readonly string[];
  /** For programs that are asked. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the machine tells about itself; that of Linux by default. */
  readonly places?: HostPlaces;
}

export type ConditionResult =
  | { readonly holds: true }
  | {
      readonly holds: false;
      /** A sentence for people: "The machine runs on battery". */
      readonly reason: string;
    };

/**
 * Whether the conditions of a job hold on this machine, now. Whoever runs jobs asks when a run that was not asked for by a person begins, before hooks and
 * containers. If they do not hold, `job.conditions.otherwise` says what becomes of the run: `skip` (default) ends it as `skipped` with the reason, `postpone`
 * gives it back by `RunQueue.postpone(…, now + conditionRetry, reason)`. Nothing here throws for what a machine does not tell: what is not known holds.
 */
export async function checkConditions(
  { conditions }: Pick<Job, 'conditions'>,
  { destinations, environment, places = systemPlaces, signal }: ConditionOptions,
): Promise<ConditionResult> {
  if (conditions === undefined) return { holds: true };
  const { battery = 'any', metered = 'any', network, destinationPresent } = conditions;
  if (battery !== 'any') {
    const reason = reasonOfPower(battery, await readPower(places.powerSupplies, { signal }));
    if (reason !== undefined) return { holds: false, reason };
  }
  if (network === true && !(await isOnline(places.network, { signal })))
    return { holds: false, reason: 'There is no connection to the network' };
  if (metered === 'never' && (await isMetered({ environment, signal })))
    return { holds: false, reason: 'The connection to the network is metered' };
  if (destinationPresent === true) {
    for (const destination of destinations) {
      const reason = await reasonAbsent(destination, places, { signal });
      if (reason !== undefined) return { holds: false, reason };
    }
  }
  return { holds: true };
}

/** How long a run that is postponed waits before it looks again, in milliseconds. */
export const conditionRetry = 5 * 60_000;

function reasonOfPower(
  least: 'never' | number,
  { onBattery, percent }: PowerState,
): string | undefined {
  if (!onBattery) return undefined;
  if (least === 'never') return 'The machine runs on battery';
  if (percent === undefined || percent >= least) return undefined;
  return `The machine runs on battery, with ${percent} % left, less than ${least} %`;
}
