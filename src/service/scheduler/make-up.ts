import type { CallOptions } from '../../base/call-options.ts';
import type { RunStore } from '../../catalog/catalog.ts';
import type { MissedPolicy } from '../../model/job-schedule.ts';
import type { NewRun } from '../../model/run.ts';

/** What the policies for missed runs look at. */
export interface MakeUpFacts {
  readonly runs: Pick<RunStore, 'list'>;
  /** Whether there is a connection to the network. */
  readonly isOnline: (options: CallOptions) => Promise<boolean>;
}

/** So many runs never wait at the same time where it matters whether one of them does. */
const mostWaiting = 10_000;

/** Why a missed run is not made up for, as a sentence; `undefined` if it is. `run` is the one that would be queued. */
export async function reasonAgainst(
  policy: MissedPolicy,
  run: NewRun,
  { runs, isOnline }: MakeUpFacts,
  options: CallOptions,
): Promise<string | undefined> {
  switch (policy) {
    case 'run-once':
      return undefined;
    case 'skip':
      return 'Missed runs of it are not made up for';
    case 'skip-if-running': {
      const running = await runs.list({ job: run.job, states: ['running'], limit: 1 }, options);
      return running.length > 0 ? 'A run of the job is under way' : undefined;
    }
    case 'skip-if-busy': {
      const busy = await runs.list({ states: ['queued', 'running'], limit: mostWaiting }, options);
      const other = busy.find(({ keys }) => keys.some((key) => run.keys.includes(key)));
      return other === undefined
        ? undefined
        : `A run of "${other.job}" uses the same or waits for it`;
    }
    case 'skip-if-offline':
      return (await isOnline(options)) ? undefined : 'There is no connection to the network';
  }
}
