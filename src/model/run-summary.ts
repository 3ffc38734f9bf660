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
  const most = (of: (step: StepRecord) => number | undefined): number | undefined =>
    combine(steps.map(of), Math.max);
  const sum = (of: (step: StepRecord) => number | undefined): number | undefined =>
    combine(steps.map(of), (a, b) => a + b);
  return {
    id: run.id,
    activity: run.activity,
    trigger: run.trigger,
    state: run.state,
    ...optional('startedAt', startedAt),
    ...optional('finishedAt', finishedAt),
    ...optional(
      'duration',
      startedAt === undefined || finishedAt === undefined
        ? undefined
        : Math.max(0, finishedAt - startedAt),
    ),
    ...optional('reason', run.reason),
    ...optional('problem', run.problem),
    // Each destination is sent the same files: the sum would count them several times.
    ...optional(
      'files',
      most(({ counters }) => counters?.files),
    ),
    ...optional(
      'bytes',
      most(({ counters }) => counters?.bytes),
    ),
    ...optional(
      'bytesAdded',
      sum(({ counters }) => counters?.bytesAdded),
    ),
    warnings: sum(({ warnings }) => warnings?.length) ?? 0,
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

function combine(
  values: readonly (number | undefined)[],
  how: (a: number, b: number) => number,
): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((a, b) => how(a, b));
}

function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [Name in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [Name in Key]: Value });
}
