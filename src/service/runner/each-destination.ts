import { AppError } from '../../base/errors.ts';
import { didYouMean } from '../../base/did-you-mean.ts';
import type { BackupJob } from '../../model/job.ts';
import { problemOfError } from '../program/own-program.ts';
import {
  accessDestination,
  type DestinationAccess,
  destinationNameOf,
} from './destination-access.ts';
import type { ActivityEnd, StepContext } from './step-context.ts';

/**
 * Does something at each destination of a job, in order, or at the one that the run's parameter `destination` names. One that fails does not stop the others;
 * after the signal none is begun any more.
 */
export async function eachDestination(
  context: StepContext<BackupJob>,
  act: (index: number) => Promise<ActivityEnd>,
): Promise<ActivityEnd[]> {
  const { signal } = context;
  const ends: ActivityEnd[] = [];
  for (const index of chosenDestinations(context)) {
    if (signal.aborted) break;
    try {
      ends.push(await act(index));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
  if (signal.aborted) ends.push({ outcome: 'cancelled' });
  return ends;
}

/** Does something with a destination; that it cannot be opened is a failed step, because every result is told per destination. */
export async function withAccess(
  context: StepContext<BackupJob>,
  index: number,
  act: (access: DestinationAccess) => Promise<ActivityEnd>,
): Promise<ActivityEnd> {
  let access: DestinationAccess;
  try {
    access = await accessDestination(context, index);
  } catch (error) {
    context.signal.throwIfAborted();
    return await couldNotBegin(context, index, error);
  }
  return await act(access);
}

/** Numbers of the destinations that a run is about. */
export function chosenDestinations({ job, run }: StepContext<BackupJob>): number[] {
  const all = job.destinations.map((_, index) => index);
  const wanted = run.parameters?.['destination'];
  if (wanted === undefined) return all;
  const chosen = all.filter(
    (index) => destinationNameOf(job, index) === wanted || String(index + 1) === wanted,
  );
  if (chosen.length > 0) return chosen;
  const names = all.map((index) => destinationNameOf(job, index));
  const nearest = didYouMean(wanted, names);
  throw new AppError('input/usage', `The job "${job.name}" has no destination "${wanted}"`, {
    hint:
      nearest === undefined
        ? `It has ${names.map((name) => `"${name}"`).join(', ')}`
        : `Did you mean "${nearest}"?`,
  });
}

async function couldNotBegin(
  { steps, run, job }: StepContext<BackupJob>,
  index: number,
  error: unknown,
): Promise<ActivityEnd> {
  const problem = problemOfError(error);
  const kind = run.activity === 'task' || run.activity === 'commands' ? 'backup' : run.activity;
  const name = destinationNameOf(job, index);
  const step = await steps.begin({ name: run.activity, kind, destination: name });
  await step.end({ outcome: 'failed', problem });
  return { outcome: 'failed', problem, reason: `${run.activity} to ${name}: ${problem.message}` };
}
