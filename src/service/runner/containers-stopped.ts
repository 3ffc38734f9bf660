import type { StepRecord } from '../../model/run.ts';
import { problemOfError } from '../program/own-program.ts';
import { combineEnds } from './combine-ends.ts';
import { activityEndOf } from './run-operation.ts';
import type { ActivityEnd, StepContext } from './step-context.ts';

/**
 * Does some work while the containers of the job stand still. They are started again whatever comes of the work, and also if not all of them could be stopped:
 * then the work is not done, because what it would copy is still being written.
 */
export async function withContainersStopped(
  context: StepContext,
  work: () => Promise<ActivityEnd>,
): Promise<ActivityEnd> {
  const { job, run, containers, signal, lasting } = context;
  const rule = job.containers;
  if (rule === undefined) return await work();
  const ends: ActivityEnd[] = [];
  try {
    const stopped = await containerStep(context, 'stop containers', () =>
      containers.stop(rule, { run: run.id, signal }),
    );
    ends.push(stopped);
    if (stopped.outcome === 'succeeded' || stopped.outcome === 'warned') ends.push(await work());
  } finally {
    ends.push(
      await containerStep(context, 'start containers', () =>
        containers.start(rule, { run: run.id, signal: lasting }),
      ),
    );
  }
  return combineEnds(ends);
}

async function containerStep(
  { steps, signal }: StepContext,
  name: string,
  act: () => Promise<StepRecord>,
): Promise<ActivityEnd> {
  const step = await steps.begin({ name, kind: 'containers' });
  try {
    const { name: _name, kind: _kind, startedAt: _at, finishedAt: _end, ...record } = await act();
    const { outcome = 'succeeded', ...rest } = record;
    return activityEndOf(await step.end({ outcome, ...rest }));
  } catch (error) {
    const outcome = signal.aborted ? 'cancelled' : 'failed';
    return activityEndOf(await step.end({ outcome, problem: problemOfError(error) }));
  }
}
