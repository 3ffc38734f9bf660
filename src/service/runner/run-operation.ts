import type { StepKind, StepRecord } from '../../model/run.ts';
import { placedStep } from '../../model/placed-step.ts';
import { type OwnProgramEnd, problemOfError } from '../program/own-program.ts';
import type { ProgramRecord } from '../program/operation-records.ts';
import type { DestinationAccess } from './destination-access.ts';
import { followLimits } from './followed-limits.ts';
import type { ActivityEnd, StepContext } from './step-context.ts';

export interface OperationStep {
  readonly name: string;
  readonly kind: StepKind;
  /** The command and its arguments; nothing secret. */
  readonly command: readonly string[];
  readonly access: DestinationAccess;
  /** More variables for it. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Sees what it prints besides events and summaries, which is not kept then. */
  readonly onRecord?: (record: ProgramRecord) => void;
  /** More counters, from what it printed; may turn the outcome. */
  readonly judge?: (
    end: OwnProgramEnd,
  ) => Partial<Pick<OwnProgramEnd, 'outcome' | 'problem' | 'counters' | 'warnings'>>;
}

/** How a step went: its record, what it means for the run, what else the operation printed. */
export interface OperationStepEnd {
  readonly record: StepRecord;
  readonly end: ActivityEnd;
  readonly records: readonly ProgramRecord[];
}

/** Runs an operation on a destination as one step of a run. A failure is an end, not thrown. */
export async function runOperation(
  context: StepContext,
  { name, kind, command, access, environment = {}, judge, onRecord }: OperationStep,
): Promise<OperationStepEnd> {
  const { steps, program, feed, run, job, mask, signal } = context;
  const step = await steps.begin({ name, kind, destination: access.address });
  const resources = job.resources;
  await using limits = await followLimits(context);
  let end: OwnProgramEnd;
  try {
    end = await program.run({
      command,
      environment: {
        ...limits.environment,
        ...access.environment,
        ...environment,
      },
      mask,
      resources,
      signal,
      ...(onRecord !== undefined && { onRecord }),
      onProgress: (progress) =>
        feed.publish({
          type: 'progress',
          run: run.id,
          job: run.job,
          step: name,
          destination: access.address,
          ...progress,
        }),
    });
    end = { ...end, ...judge?.(end) };
  } catch (error) {
    end = { outcome: 'failed', problem: problemOfError(error), records: [] };
  }
  const { records, ...told } = end;
  const record = await step.end(told);
  return { record, end: activityEndOf(record), records };
}

/** What a step means for its run. */
export function activityEndOf(record: StepRecord): ActivityEnd {
  const { outcome = 'broken', problem, warnings = [] } = record;
  const where = placedStep(record);
  const what = problem?.message ?? warnings[0];
  return {
    outcome,
    ...(outcome !== 'succeeded' && what !== undefined && { reason: `${where}: ${what}` }),
    ...(problem !== undefined && { problem }),
  };
}
