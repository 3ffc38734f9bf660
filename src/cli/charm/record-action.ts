import { AppError } from '../../base/errors.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { configurationFromCharm } from '../../configuration/charm/charm-configuration.ts';
import { unitDirectory } from '../../configuration/charm/charm-destination.ts';
import type { Activity } from '../../model/job.ts';
import { runKeys } from '../../model/run-keys.ts';
import { SecretMask } from '../../service/program/mask-secrets.ts';
import { RunStepLog } from '../../service/runner/run-step-log.ts';
import { RunWorker, type RunWorkerContext } from '../../service/runner/run-worker.ts';
import type { CommandSession } from '../session.ts';
import {
  type ActionContext,
  type ActionEnd,
  actionStep,
  performAction,
} from './action-execution.ts';

/** How long a period may last without a success before somebody is told. */
const alarms: Readonly<Record<string, string>> = {
  hourly: '3h',
  daily: '26h',
  weekly: '8D',
  monthly: '33D',
};

/**
 * Performs an action as a run of the unit's job: recorded in the history, told about, seen by monitoring. Only one action of a unit that changes something is
 * performed at a time.
 *
 * @throws AppError `job/busy` if another one is under way; of the catalog
 */
export async function recordAction(
  action: ActionContext,
  activity: Activity,
  trigger: 'action' | 'schedule',
  context: RunWorkerContext,
  { clock, signal }: CommandSession,
): Promise<ActionEnd> {
  const { catalog } = context;
  const name = await noteJob(action, catalog);
  const configuration = await catalog.configuration.read({ signal });
  const job = configuration.jobs.find((one) => one.name === name)!;
  const { parameters } = action.given;
  const run = await catalog.queue.add(
    {
      job: name,
      activity,
      trigger,
      priority: 50,
      keys: runKeys(job, configuration, activity),
      ...(Object.keys(parameters).length > 0 && { parameters }),
    },
    clock.now(),
    { signal },
  );
  const claimed = await catalog.queue.claim(context.worker, clock.now(), { only: run.id });
  if (claimed === undefined) {
    await catalog.queue.cancel(run.id, clock.now());
    throw new AppError('job/busy', `Another action of the unit "${action.unit}" is under way`, {
      hint: 'Try again when it has ended',
    });
  }
  let ended: ActionEnd | undefined;
  const worker = new RunWorker({
    ...context,
    async execute(_, { clock: watch }, signals) {
      const steps = new RunStepLog({
        before: [],
        clock: watch,
        mask: new SecretMask(), // what is written down is masked already
        write: (all) => catalog.runs.progress(run.id, context.worker.id, all),
        onStep: () => undefined,
      });
      const step = await steps.begin(actionStep(action));
      ended = await performAction(action, signals.signal);
      const { outcome, exitStatus, output, problem } = ended;
      const told =
        problem === undefined
          ? {}
          : { problem: { ...problem, message: firstLine(problem.message) } };
      await step.end({
        outcome,
        output: output.slice(-65_536),
        ...(exitStatus !== undefined && { exitStatus }),
        ...told,
      });
      const reason = problem === undefined ? {} : { reason: firstLine(problem.message) };
      return {
        kind: 'ended',
        end: { outcome, ...reason, ...told, steps: steps.steps },
        job,
        configuration,
      };
    },
  });
  const cancel = (): void => void worker.cancel(run.id);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    await worker.work(claimed, new AbortController().signal);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
  signal.throwIfAborted();
  if (ended === undefined) throw new AppError('internal', 'The action was not performed');
  return ended;
}

/** Sees to it that the catalog knows the unit's job: what runs belong to. Its schedule is that of cron, so it has none here but an alarm. */
async function noteJob({ values, unit, files }: ActionContext, catalog: Catalog): Promise<string> {
  const name = unitDirectory(unit);
  const [job] = configurationFromCharm(values, unit, files).jobs;
  if (job?.kind !== 'backup') throw new AppError('internal', 'A unit has one backup job');
  const { retention: _retention, check: _check, ...rest } = job;
  const alarm = alarms[String(values['backup_frequency']).toLowerCase()];
  const wanted = { ...rest, schedule: 'manual', ...(alarm !== undefined && { alarm }) };
  const origin = `unit ${unit}`;
  const kept = await catalog.configuration.jobs.get(name);
  if (kept !== undefined && JSON.stringify(kept.value) === JSON.stringify(wanted)) return name;
  await catalog.configuration.jobs.save(name, wanted, { revision: kept?.revision, origin });
  return name;
}

const firstLine = (text: string): string => text.split('\n')[0]!;
