import type {
  NewRun,
  Run,
  RunProblem,
  RunState,
  RunTrigger,
  StepRecord,
  WorkerIdentity,
} from '../../model/run.ts';
import type { Activity } from '../../model/job.ts';
import type { RunRow } from '../tables.ts';

/** A row of a run, perhaps without what its steps printed. */
export type ReadRunRow = Omit<RunRow, 'outputs'> & { readonly outputs?: string | null };

export const runColumns = [
  'runs.id',
  'runs.job',
  'runs.activity',
  'runs.trigger_kind',
  'runs.state',
  'runs.priority',
  'runs.scheduled_for',
  'runs.queued_at',
  'runs.not_before',
  'runs.started_at',
  'runs.finished_at',
  'runs.reason',
  'runs.problem',
  'runs.parameters',
  'runs.keys',
  'runs.steps',
  'runs.worker_id',
  'runs.worker',
  'runs.lease_until',
  'runs.cancel_requested',
] as const;

export function newRunRow(id: string, run: NewRun, now: number): RunRow {
  return {
    id,
    job: run.job,
    activity: run.activity,
    trigger_kind: run.trigger,
    state: 'queued',
    priority: run.priority,
    scheduled_for: run.scheduledFor ?? null,
    queued_at: now,
    not_before: run.notBefore ?? null,
    started_at: null,
    finished_at: null,
    reason: null,
    problem: null,
    parameters: run.parameters === undefined ? null : JSON.stringify(run.parameters),
    keys: JSON.stringify([...new Set(run.keys)]),
    steps: '[]',
    outputs: null,
    worker_id: null,
    worker: null,
    lease_until: null,
    cancel_requested: 0,
  };
}

export function runOf(row: ReadRunRow): Run {
  return {
    id: row.id,
    job: row.job,
    activity: row.activity as Activity,
    trigger: row.trigger_kind as RunTrigger,
    ...(row.scheduled_for !== null && { scheduledFor: row.scheduled_for }),
    queuedAt: row.queued_at,
    ...(row.not_before !== null && { notBefore: row.not_before }),
    ...(row.started_at !== null && { startedAt: row.started_at }),
    ...(row.finished_at !== null && { finishedAt: row.finished_at }),
    state: row.state as RunState,
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.problem !== null && { problem: JSON.parse(row.problem) as RunProblem }),
    steps: stepsOf(row.steps, row.outputs ?? null),
    ...(row.parameters !== null && {
      parameters: JSON.parse(row.parameters) as Readonly<Record<string, string>>,
    }),
    priority: row.priority,
    keys: JSON.parse(row.keys) as readonly string[],
    ...(row.worker !== null && { worker: JSON.parse(row.worker) as WorkerIdentity }),
  };
}

/** Steps as they are kept: what they printed apart from the rest. */
export function stepColumns(steps: readonly StepRecord[]): Pick<RunRow, 'steps' | 'outputs'> {
  const hasOutput = steps.some(({ output }) => output !== undefined);
  return {
    steps: JSON.stringify(steps.map((step) => ({ ...step, output: undefined }))),
    outputs: hasOutput ? JSON.stringify(steps.map(({ output }) => output ?? null)) : null,
  };
}

function stepsOf(text: string, outputs: string | null): readonly StepRecord[] {
  const steps = JSON.parse(text) as readonly StepRecord[];
  if (outputs === null) return steps;
  const printed = JSON.parse(outputs) as readonly (string | null)[];
  return steps.map((step, index) => {
    const output = printed[index] ?? null;
    return output === null ? step : { ...step, output };
  });
}
