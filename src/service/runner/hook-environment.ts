import type { ActivityEnd } from './step-context.ts';
import type { Run, StepRecord } from '../../model/run.ts';

/** What hooks, commands and tasks are told about their run, by variables. All of them are always set, empty where there is nothing to say. */
export interface RunVariables {
  readonly HOLDFAST_JOB: string;
  readonly HOLDFAST_RUN: string;
  /** `backup`, `retention`, … */
  readonly HOLDFAST_ACTIVITY: string;
  /** `schedule`, `catch-up`, `manual`, `api`, `action`, `dependent`. */
  readonly HOLDFAST_TRIGGER: string;
  /** `succeeded`, `warned`, `failed`, `skipped` or `cancelled`; empty before the work. */
  readonly HOLDFAST_OUTCOME: string;
  /** One sentence. */
  readonly HOLDFAST_ERROR: string;
  /** That of the last program of the work that did not end with 0, else 0; empty before the work. */
  readonly HOLDFAST_EXIT_STATUS: string;
  /** Ids of the snapshots that were made, with blanks in between. */
  readonly HOLDFAST_SNAPSHOT: string;
  /** Name of the destination, for hooks around one. */
  readonly HOLDFAST_DESTINATION: string;
}

/** The variables for a run, before the work or (with `end`) after it. */
export function runVariables(
  run: Run,
  steps: readonly StepRecord[],
  { end, destination = '' }: { readonly end?: ActivityEnd; readonly destination?: string } = {},
): RunVariables {
  const worked = steps.filter(({ kind }) => kind !== 'hook' && kind !== 'containers');
  const status = worked.findLast(({ exitStatus = 0 }) => exitStatus !== 0)?.exitStatus ?? 0;
  const snapshots = worked.flatMap(
    ({ counters }) => counters?.details?.['snapshots'] ?? counters?.snapshot ?? [],
  );
  return {
    HOLDFAST_JOB: run.job,
    HOLDFAST_RUN: run.id,
    HOLDFAST_ACTIVITY: run.activity,
    HOLDFAST_TRIGGER: run.trigger,
    HOLDFAST_OUTCOME: end?.outcome ?? '',
    HOLDFAST_ERROR: errorOf(end),
    HOLDFAST_EXIT_STATUS: end === undefined ? '' : String(status),
    HOLDFAST_SNAPSHOT: snapshots.join(' '),
    HOLDFAST_DESTINATION: destination,
  };
}

function errorOf(end: ActivityEnd | undefined): string {
  if (end === undefined || end.outcome === 'succeeded') return '';
  // A null byte ends a variable.
  return (end.problem?.message ?? end.reason ?? '').replaceAll('\0', '');
}
