import type { Activity } from './job.ts';
import type { Run, RunProblem, RunState, RunTrigger, StepRecord } from './run.ts';

/** A run in short: without what it printed, so that a status file, metrics and lists stay small. Times are milliseconds since 1970. */
export interface RunSummary {
  readonly id: string;
  readonly activity: Activity;
  readonly trigger: RunTrigger;
  readonly state: RunState;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly duration?: number;
  readonly reason?: string;
  readonly problem?: RunProblem;
  /** Of all destinations together: what the sources hold, counted once; `bytesAdded` is what was stored. */
  readonly files?: number;
  readonly bytes?: number;
  readonly bytesAdded?: number;
  readonly warnings: number;
  readonly destinations: readonly DestinationSummary[];
}

/** What became of one destination of a run. */
export interface DestinationSummary {
  /** Shown address. */
  readonly destination: string;
  readonly outcome?: StepRecord['outcome'];
  readonly bytesAdded?: number;
  readonly snapshot?: string;
}

export function summaryOf(run: Run): RunSummary {
  const { steps, startedAt, finishedAt } = run;
  // Each destination is sent the same files: together they would be counted several times.
  const largest = (of: (step: StepRecord) => number | undefined): number | undefined =>
    [...Map.groupBy(steps, ({ destination }) => destination ?? '').values()]
      .map((group) => total(group.map(of)))
      .reduce((most, next) => (next === undefined ? most : Math.max(most ?? 0, next)), undefined);
  const times = startedAt !== undefined && finishedAt !== undefined;
  return {
    id: run.id,
    activity: run.activity,
    trigger: run.trigger,
    state: run.state,
    ...optional('startedAt', startedAt),
    ...optional('finishedAt', finishedAt),
    ...optional('duration', times ? Math.max(0, finishedAt - startedAt) : undefined),
    ...optional('reason', run.reason),
    ...optional('problem', run.problem),
    ...optional(
      'files',
      largest(({ counters }) => counters?.files),
    ),
    ...optional(
      'bytes',
      largest(({ counters }) => counters?.bytes),
    ),
    ...optional('bytesAdded', total(steps.map(({ counters }) => counters?.bytesAdded))),
    warnings: total(steps.map(({ warnings }) => warnings?.length)) ?? 0,
    destinations: steps.flatMap(({ destination, outcome, counters }) =>
      destination === undefined
        ? []
        : [
            {
              destination,
              ...optional('outcome', outcome),
              ...optional('bytesAdded', counters?.bytesAdded),
              ...optional('snapshot', counters?.snapshot),
            },
          ],
    ),
  };
}

/** The sum of what is known; `undefined` if nothing is. */
function total(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce((sum, value) => (value === undefined ? sum : (sum ?? 0) + value), undefined);
}

function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [Name in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [Name in Key]: Value });
}
