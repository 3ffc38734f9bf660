import path from 'node:path';

import { durationMilliseconds, formatDuration, parseDuration } from '../../base/duration.ts';
import { messageOf } from '../../base/errors.ts';
import type { TaskJob, TaskStep } from '../../model/job.ts';
import type { RunProblem } from '../../model/run.ts';
import { KeptOutput } from '../program/kept-output.ts';
import { problemOfError } from '../program/own-program.ts';
import { journalledProgram } from '../runner/journalled-program.ts';
import type { ActivityEnd, StepContext } from '../runner/step-context.ts';
import { maskEnvironment } from './environment-secrets.ts';
import { LiveOutput } from './live-output.ts';
import { withOwnCommands } from './own-commands.ts';
import { type ShellStepEnd, TaskShell } from './task-shell.ts';
import { emptyWorkDirectories, lockWorkDirectory, type TaskPlaces } from './work-directory.ts';

/** What a task needs of the context of a run. */
export type TaskContext = Pick<
  StepContext<TaskJob>,
  | 'run'
  | 'job'
  | 'environment'
  | 'directory'
  | 'steps'
  | 'mask'
  | 'feed'
  | 'signal'
  | 'lasting'
  | 'clock'
  | 'catalog'
  | 'worker'
  | 'log'
>;

/** Where tasks work when nothing else is said. */
export const DEFAULT_WORK_DIRECTORY = '/workdir';

/** How long `failed` and `finally` may take after the run was cancelled, if the job sets no limit. */
const CLEANING_LIMIT = 5 * 60_000;

const chain = ['prepare', 'extract', 'transform', 'load', 'succeed'] as const;

/** What was the first to fail. */
interface Failure {
  readonly step: TaskStep;
  readonly status: number;
  readonly problem: RunProblem;
  readonly outcome: 'failed' | 'cancelled';
}

/**
 * Runs a task: prepare, extract, transform, load, succeed, in one shell. The first that fails ends that chain, and `failed` is run; `finally` is run in both
 * cases, whatever has happened: `exit`, a killed program, a step that took too long, a run that was cancelled. If the shell itself was killed, they are run in a
 * new one, which knows the variables of the run but not what steps had set.
 *
 * Success is that all of the chain ended with 0. If only `finally` failed, the run has a warning.
 *
 * Steps have `SRC` and `DST`, two directories that were emptied before, `TASK_ID` and `TASK_STEP`, and from `succeed` or `failed` on `TASK_RESULT` (`succeeded`,
 * `failed`), `TASK_FAILED_STEP`, `TASK_EXIT_CODE` and `TASK_ERROR`. `SRC` and `DST` of the environment are there as `GLOBAL_SRC` and `GLOBAL_DST`.
 *
 * @throws signal.reason when cancelled, after `failed` and `finally`
 */
export async function runTask(context: TaskContext): Promise<ActivityEnd> {
  const { job, mask, signal } = context;
  signal.throwIfAborted();
  maskEnvironment(mask, context.environment);
  const live = new LiveOutput(context.run, context.feed, mask);
  live.line(`---- task ${job.name} - start ----`);
  try {
    return await new TaskRun(context, live).run();
  } finally {
    live.line(`---- task ${job.name} - done ----`);
  }
}

class TaskRun {
  readonly #context: TaskContext;
  readonly #live: LiveOutput;
  readonly #limit: number | undefined;
  #shell: TaskShell | undefined;
  #journal: ReturnType<typeof journalledProgram> | undefined;
  #environment: Readonly<Record<string, string | undefined>> = {};
  #work = '';
  #lostShell = false;

  constructor(context: TaskContext, live: LiveOutput) {
    this.#context = context;
    this.#live = live;
    const { stepTimeout } = context.job;
    this.#limit =
      stepTimeout === undefined ? undefined : durationMilliseconds(parseDuration(stepTimeout));
  }

  async run(): Promise<ActivityEnd> {
    const { job, environment, directory, clock } = this.#context;
    const work = path.resolve(
      directory,
      job.workDirectory ?? (environment['CONF_WORK_DIR'] || DEFAULT_WORK_DIRECTORY),
    );
    try {
      // Runs that know each other by the catalog never meet here; those of another one may.
      using _ = await lockWorkDirectory(work, job.name, clock);
      return await this.#runIn(await emptyWorkDirectories(work, job.name));
    } catch (error) {
      // Without its directories, or without bash, nothing can be run, `finally` neither.
      this.#context.signal.throwIfAborted();
      return await this.#notBegun(error);
    }
  }

  async #runIn(places: TaskPlaces): Promise<ActivityEnd> {
    const { job, environment, signal } = this.#context;
    this.#work = places.work;
    this.#environment = shellEnvironment(environment, job.name, places);
    try {
      const failure = await this.#chain();
      if (failure !== undefined) await this.#step('failed', this.#cleaning(failure));
      const last = await this.#step('finally', this.#cleaning(failure));
      if (failure?.outcome === 'cancelled') signal.throwIfAborted();
      if (failure !== undefined) {
        return { outcome: 'failed', reason: failure.problem.message, problem: failure.problem };
      }
      if (last === undefined) return { outcome: 'succeeded' };
      return { outcome: 'warned', reason: last.problem.message, problem: last.problem };
    } finally {
      await this.#closeShell();
      this.#live.flush();
    }
  }

  /** The first failure of prepare to succeed. */
  async #chain(): Promise<Failure | undefined> {
    const { signal } = this.#context;
    for (const step of chain) {
      const failure = await this.#step(step, {
        variables: step === 'succeed' ? resultVariables(undefined) : {},
        limit: this.#limit,
        signal,
      });
      if (failure !== undefined) return failure;
      if (signal.aborted) return cancelled(step, signal.reason);
      if (this.#lostShell) return this.#lost(step);
    }
    return undefined;
  }

  /** A shell that was replaced (`exec`) may have ended with 0, but the next step would not find what it needs. */
  #lost(step: TaskStep): Failure | undefined {
    const { steps } = this.#context.job;
    const isLast = chain
      .slice(chain.indexOf(step as 'prepare') + 1)
      .every((name) => isEmpty(steps[name]));
    if (isLast) return undefined;
    const message = `Step "${step}" of the task "${this.#context.job.name}" ended the shell, so the next steps cannot run in it`;
    const hint = 'A command that is run by "exec" replaces the shell: leave "exec" out';
    return {
      step,
      status: 1,
      problem: { code: 'process/failed', message, hint },
      outcome: 'failed',
    };
  }

  /** How `failed` and `finally` are run: not ended by what ended the run. */
  #cleaning(failure: Failure | undefined): StepManner {
    const isCancelled = this.#context.signal.aborted;
    return {
      variables: resultVariables(failure),
      limit: this.#limit ?? (isCancelled ? CLEANING_LIMIT : undefined),
      signal: isCancelled ? this.#context.lasting : this.#context.signal,
    };
  }

  async #step(name: TaskStep, manner: StepManner): Promise<Failure | undefined> {
    const { job, steps, mask } = this.#context;
    this.#live.line(`in execute_${name}`);
    const code = job.steps[name];
    if (code === undefined || isEmpty(code)) return undefined;
    const record = await steps.begin({ name, kind: 'task' });
    const output = new KeptOutput(mask);
    const shell = await this.#openShell();
    const end = await shell.run({
      code,
      variables: { TASK_STEP: name, ...manner.variables },
      timeLimit: manner.limit,
      signal: manner.signal,
      onOutput: (piece) => {
        output.push(piece);
        this.#live.push(piece);
      },
    });
    this.#live.flush();
    const text = output.end();
    const failure = this.#failureOf(name, end, text, manner);
    await record.end({
      outcome: failure?.outcome ?? 'succeeded',
      exitStatus: end.status,
      ...(text !== '' && { output: text }),
      ...(failure !== undefined && { problem: failure.problem }),
    });
    this.#lostShell = end.shellDied;
    return failure;
  }

  #failureOf(
    step: TaskStep,
    { status, timedOut, stopped, shellDied }: ShellStepEnd,
    output: string,
    manner: StepManner,
  ): Failure | undefined {
    if (stopped) return cancelled(step, this.#context.signal.reason);
    const what = `Step "${step}" of the task "${this.#context.job.name}"`;
    const failed = (message: string, hint?: string): Failure => ({
      step,
      status: status === 0 ? 1 : status,
      problem: { code: 'process/failed', message, ...(hint !== undefined && { hint }) },
      outcome: 'failed',
    });
    if (timedOut) {
      return failed(`${what} took longer than ${formatDuration(manner.limit ?? 0)} and was ended`);
    }
    if (status === 0) return undefined;
    const words = lastLine(output);
    const said = words === '' ? '' : `: ${words}`;
    if (shellDied && status > 128) {
      const hint =
        status === 137
          ? 'The system ends programs so when there is no memory left; what the steps before had set is lost for the steps after'
          : undefined;
      return failed(`${what} was ended with its shell by signal ${status - 128}${said}`, hint);
    }
    return failed(`${what} ended with status ${status}${said}`);
  }

  async #openShell(): Promise<TaskShell> {
    if (this.#shell?.isAlive === true) return this.#shell;
    await this.#closeShell();
    const shell = await TaskShell.start({
      environment: this.#environment,
      directory: this.#work,
      strict: this.#context.job.shell !== 'plain',
    });
    this.#shell = shell;
    // Should this process be killed, whoever starts next ends what still works here.
    this.#journal = journalledProgram(this.#context);
    await this.#journal.started(shell.pid);
    return shell;
  }

  async #closeShell(): Promise<void> {
    await this.#shell?.[Symbol.asyncDispose]();
    this.#shell = undefined;
    await this.#journal?.[Symbol.asyncDispose]();
    this.#journal = undefined;
  }

  async #notBegun(error: unknown): Promise<ActivityEnd> {
    const { steps, mask } = this.#context;
    const problem = problemOfError(error);
    const record = await steps.begin({ name: 'prepare', kind: 'task' });
    await record.end({ outcome: 'failed', problem });
    this.#live.line(mask.mask(messageOf(error)));
    return { outcome: 'failed', reason: problem.message, problem };
  }
}

interface StepManner {
  readonly variables: Readonly<Record<string, string>>;
  readonly limit: number | undefined;
  readonly signal: AbortSignal;
}

const isEmpty = (code: string | undefined): boolean => code === undefined || code.trim() === '';

/** What a step was ended for: somebody wanted that, or the job has taken too long. */
function cancelled(step: TaskStep, reason: unknown): Failure {
  const problem = problemOfError(reason);
  const message =
    problem.code === 'interrupted' ? `It was cancelled in step "${step}"` : problem.message;
  return { step, status: 143, problem: { ...problem, message }, outcome: 'cancelled' };
}

function resultVariables(failure: Failure | undefined): Readonly<Record<string, string>> {
  return {
    TASK_RESULT: failure === undefined ? 'succeeded' : 'failed',
    TASK_FAILED_STEP: failure?.step ?? '',
    TASK_EXIT_CODE: String(failure?.status ?? 0),
    TASK_ERROR: failure?.problem.message ?? '',
  };
}

function shellEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  task: string,
  { source, target }: TaskPlaces,
): Readonly<Record<string, string | undefined>> {
  const { SRC, DST } = environment;
  return {
    ...withOwnCommands(environment),
    ...(SRC !== undefined && { GLOBAL_SRC: SRC }),
    ...(DST !== undefined && { GLOBAL_DST: DST }),
    SRC: source,
    DST: target,
    TASK_ID: task,
  };
}

/** The last thing a step said, for a sentence. */
function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1)?.trim().slice(-300) ?? '';
}
