import { identifyProcess } from '../../base/process-identity.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { noCounters } from '../../model/event.ts';
import type { Activity, Job } from '../../model/job.ts';
import { isOver, type Run } from '../../model/run.ts';
import { priorityOf, runKeys } from '../../model/run-keys.ts';
import { Feed } from '../../service/feed.ts';
import { createLog, type ServiceLog } from '../../service/log.ts';
import type { RunEvent } from '../../service/run-event.ts';
import { endBusyRuns } from '../../service/runner/busy-runs.ts';
import { createRunnerContext } from '../../service/runner/create-runner-context.ts';
import { recoverRuns } from '../../service/runner/recovery.ts';
import { RunWorker, type RunWorkerContext } from '../../service/runner/run-worker.ts';
import { OutboxSender } from '../../service/telling/outbox-sender.ts';
import { tellingContext } from '../../service/telling-context.ts';
import type { ServiceFlagValues } from '../open-catalog.ts';
import type { JsonRecord } from '../output/output.ts';
import { localPlaces } from '../places.ts';
import type { CommandSession } from '../session.ts';
import { fullHostName } from './full-host-name.ts';
import { jobStatuses } from './job-statuses.ts';
import { publishOnce } from './publish-once.ts';
import { ownProgramSettings } from './own-program.ts';
import { runExitStatus, runRecord, stepLine } from './run-text.ts';

/** Between two looks at a run that waits or that somebody else has, in milliseconds. */
const LOOK = 1000;
/** Nobody waits longer for a mail server than this, in milliseconds. */
const SENDING = 30_000;

export interface RunRequest {
  readonly job: Job;
  readonly activity: Activity;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Runs an activity of a job as `runToEnd`, tells how it ended, and gives the exit status of the run. */
export async function runHere(
  request: RunRequest,
  catalog: Catalog,
  flags: ServiceFlagValues,
  session: CommandSession,
): Promise<number> {
  const { output } = session;
  const over = await runToEnd(request, catalog, flags, session);
  output.object(runRecord(over));
  const reason = over.reason === undefined ? '' : `: ${over.reason}`;
  output.line(`${over.activity} of "${over.job}" ${over.state}${reason}`);
  return runExitStatus(over);
}

/**
 * Runs an activity of a job in this process, with progress, and gives the run when it is over. It waits for others that use the same repository; if a
 * server has taken the run, it is watched instead.
 */
export async function runToEnd(
  { job, activity, parameters }: RunRequest,
  catalog: Catalog,
  flags: ServiceFlagValues,
  session: CommandSession,
): Promise<Run> {
  const { clock, signal } = session;
  const context = await runnerContext(catalog, flags, session);
  // Nobody else may be there to notice that a run has died, whose keys would keep this one waiting.
  await recoverRuns(context, [], signal);
  const configuration = await catalog.configuration.read({ signal });
  const run = await catalog.queue.add(
    {
      job: job.name,
      activity,
      trigger: 'manual',
      priority: priorityOf('manual', activity),
      keys: runKeys(job, configuration, activity),
      ...(Object.keys(parameters).length > 0 && { parameters }),
    },
    clock.now(),
    { signal },
  );
  const worker = new RunWorker(context);
  const claimed = await claim(run, context, session);
  if (claimed !== undefined) {
    const cancel = (): void => void worker.cancel(run.id);
    signal.addEventListener('abort', cancel, { once: true });
    const working = worker.work(claimed, new AbortController().signal);
    if (signal.aborted) cancel();
    await working;
    signal.removeEventListener('abort', cancel);
    await sendReports(context, session);
    await publishOnce(catalog, flags, session);
  }
  return await watch(run.id, catalog, session, claimed === undefined);
}

/** Gets hold of the run, or finds out that another process has it. A wish to stop takes it out of the queue. */
async function claim(
  { id }: Run,
  context: RunWorkerContext,
  { clock, signal, output }: CommandSession,
): Promise<Run | undefined> {
  const { catalog, worker } = context;
  let isTold = false;
  for (;;) {
    const claimed = await catalog.queue.claim(worker, clock.now(), { only: id });
    if (claimed !== undefined) return claimed;
    const now = await catalog.runs.get(id);
    if (now === undefined || now.state !== 'queued') return undefined;
    if (!isTold) output.note(await waitingText(now, catalog));
    isTold = true;
    try {
      await recoverRuns(context, [], signal);
      await endBusyRuns(context, await catalog.configuration.read(), signal);
      await catalog.queue.waitForWork(LOOK, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      await catalog.queue.cancel(id, clock.now());
      throw error;
    }
  }
}

async function waitingText({ keys }: Run, catalog: Catalog): Promise<string> {
  const running = await catalog.runs.list({ states: ['running'] });
  const blocker = running.find((other) => other.keys.some((key) => keys.includes(key)));
  return blocker === undefined
    ? 'Waiting for its turn'
    : `Waiting: ${blocker.activity} of "${blocker.job}" is under way`;
}

/** Waits until a run is over. */
async function watch(
  id: string,
  catalog: Catalog,
  { clock, signal, output }: CommandSession,
  isForeign: boolean,
): Promise<Run> {
  let told = 0;
  let isNoted = false;
  for (;;) {
    const run = await catalog.runs.get(id);
    if (run === undefined) throw new AppError('job/missing', `The run "${id}" is gone`);
    if (isForeign) {
      const ended = run.steps.filter(({ outcome }) => outcome !== undefined);
      for (const step of ended.slice(told)) {
        output.object({ type: 'step', ...step } as unknown as JsonRecord);
        output.line(stepLine(step));
      }
      told = ended.length;
    }
    if (isOver(run)) return run;
    if (!isNoted && isForeign) output.note('A server has taken the run; it is watched from here');
    isNoted = true;
    await clock.sleep(LOOK, { signal });
  }
}

/** What runs are executed with here; what happens is shown. */
export async function runnerContext(
  catalog: Catalog,
  flags: ServiceFlagValues,
  session: CommandSession,
): Promise<RunWorkerContext> {
  const { clock, timeZone, output } = session;
  const { stateDirectory } = localPlaces(flags, session);
  const log: ServiceLog = createLog(
    () => clock.now(),
    ({ level, message, fields }) => {
      // What happens to the run itself is shown as it comes.
      if (fields['run'] !== undefined && level !== 'error') return;
      if (level === 'warn' || (level === 'error' && fields['outcome'] === undefined))
        output.note(message);
    },
  );
  const feed = new Feed<RunEvent>((error) => output.note(messageOf(error)));
  feed.subscribe((event) => show(event, session));
  return createRunnerContext({
    catalog,
    worker: identifyProcess(),
    clock,
    log,
    feed,
    program: ownProgramSettings(session, stateDirectory),
    stateDirectory,
    timeZone,
    hostName: await fullHostName(session),
    nextRunOf: async (job) => await nextRunOf(job, catalog, session),
  });
}

/** When the schedule of a job wants it next. */
async function nextRunOf(
  job: string,
  catalog: Catalog,
  session: CommandSession,
): Promise<number | undefined> {
  const all = await (await jobStatuses(catalog, session)).read();
  return all.find((status) => status.job === job)?.nextRun;
}

function show(event: RunEvent, { output, stdout }: CommandSession): void {
  switch (event.type) {
    case 'step':
      if (event.step.outcome === undefined) break;
      output.object({ type: 'step', ...event.step } as unknown as JsonRecord);
      output.line(stepLine(event.step));
      break;
    case 'progress': {
      const { phase, totalFiles, totalBytes, totalFinal, path } = event;
      if (phase !== undefined) output.report({ type: 'phase', phase: `${event.step}: ${phase}` });
      if (totalFiles !== undefined && totalBytes !== undefined) {
        const final = totalFinal === true;
        output.report({ type: 'total', files: totalFiles, bytes: totalBytes, final });
      }
      if (event.files === undefined) break;
      const {
        files,
        bytes,
        bytesRead,
        bytesAdded,
        filesNew,
        filesChanged,
        filesUnchanged,
        errors,
      } = {
        ...noCounters,
        ...event,
      };
      output.report({
        type: 'progress',
        files,
        bytes,
        bytesRead,
        bytesAdded,
        filesNew,
        filesChanged,
        filesUnchanged,
        errors,
        ...(path !== undefined && { current: Buffer.from(path) }),
      });
      break;
    }
    case 'output':
      if (output.json) output.object({ type: 'output', text: event.text });
      else stdout.write(event.text);
      break;
    default:
      break;
  }
}

/** Reports that are due are sent at once: there may be no server that does it. One that cannot be sent stays for the next time. */
async function sendReports(
  { catalog, worker, clock, log, program }: RunWorkerContext,
  { output }: CommandSession,
): Promise<void> {
  await using sender = new OutboxSender(tellingContext({ catalog, worker, clock, log, program }));
  const late = new AbortController();
  try {
    await Promise.race([
      sender.sendDue(),
      clock.sleep(SENDING, { signal: late.signal }).catch(() => undefined),
    ]);
  } catch (error) {
    output.note(`Cannot tell about the run: ${messageOf(error)}`);
  } finally {
    late.abort();
  }
}
