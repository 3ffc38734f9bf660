import path from 'node:path';
import { access, constants } from 'node:fs/promises';

import type { CallOptions } from '../../base/call-options.ts';
import { formatDuration } from '../../base/duration.ts';
import { messageOf } from '../../base/errors.ts';
import { type ProgramEnd, startProgram } from '../../base/process.ts';
import type { Resources } from '../../model/job.ts';
import type { Outcome, RunProblem, StepCounters } from '../../model/run.ts';
import type { RunProgress } from '../run-event.ts';
import { KeptOutput } from './kept-output.ts';
import { Lines } from './lines.ts';
import type { SecretMask } from './mask-secrets.ts';
import { OperationRecords, type ProgramRecord } from './operation-records.ts';

/** How this very program is started as a child. */
export interface OwnProgramSettings {
  /** The program, and arguments that stand before the command. */
  readonly argv: readonly string[];
  /** What children have of the environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly directory: string;
}

/** An operation to run. Nothing secret may be in `command`: it can be read by everybody on the machine. */
export interface OwnOperation extends CallOptions {
  /** The command and its arguments, without `--json`: `['backup', '--tag', 'nightly', '/home']`. */
  readonly command: readonly string[];
  /** Over that of the settings; `undefined` takes a variable away. Here are the URL, the passphrase and options of the storage. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly mask: SecretMask;
  readonly resources?: Resources | undefined;
  /** Milliseconds; then it is ended and has failed. */
  readonly timeLimit?: number | undefined;
  /** Sees what it prints besides events and summaries, which is not kept then. */
  readonly onRecord?: (record: ProgramRecord) => void;
  readonly onProgress?: (progress: Omit<RunProgress, 'step' | 'destination'>) => void;
}

/** How an operation ended. Texts are masked. */
export interface OwnProgramEnd {
  readonly outcome: Exclude<Outcome, 'broken'>;
  readonly exitStatus?: number;
  readonly problem?: RunProblem;
  readonly counters?: StepCounters;
  readonly warnings?: readonly string[];
  readonly output?: string;
  /** What it printed besides events and summaries: decisions, snapshots, entries; at most 100,000. */
  readonly records: readonly ProgramRecord[];
}

/** Time between asking it to stop in order and ending it, in milliseconds: a backup stores what is on its way. */
const GRACE = 5000;

/** Exit statuses that say something special; every other one but 0 is a failure. */
const outcomes: Readonly<Record<number, OwnProgramEnd['outcome']>> = {
  0: 'succeeded',
  3: 'warned',
  75: 'skipped',
  // Somebody else has sent it a signal: the system, when it shuts down.
  130: 'cancelled',
};

/** Runs operations of this very program as children, and reads what they tell. */
export class OwnProgram {
  readonly #settings: OwnProgramSettings;

  constructor(settings: OwnProgramSettings) {
    this.#settings = settings;
  }

  /**
   * Runs an operation to its end. It never rejects for what the operation does: that, and that it was cancelled by `signal`, is in the end.
   *
   * @throws AppError `process/failed` if it cannot be started
   */
  async run(operation: OwnOperation): Promise<OwnProgramEnd> {
    const { mask, timeLimit, signal } = operation;
    const output = new KeptOutput(mask);
    const records = new OperationRecords({
      onText: (text) => output.push(`${text}\n`),
      ...(operation.onRecord !== undefined && { onRecord: operation.onRecord }),
      ...(operation.onProgress !== undefined && {
        onProgress: (progress) => operation.onProgress?.(mask.maskAll(progress)),
      }),
    });
    const results = new Lines((line) => records.resultLine(line));
    const errors = new Lines((line) => records.errorLine(line));
    const priorities = await priorityPrefix(operation.resources, this.#settings.environment);
    if (isAborted(signal)) return { outcome: 'cancelled', records: [] };
    await using program = await startProgram(
      [...priorities, ...this.#settings.argv, '--json', ...operation.command],
      {
        environment: {
          ...this.#settings.environment,
          ...operation.environment,
          // Its standard input stays open as long as we live.
          HOLDFAST_ENDS_WITH_INPUT: '1',
        },
        directory: this.#settings.directory,
        grace: GRACE,
        onErrorOutput: (piece) => errors.push(piece),
        ...(timeLimit !== undefined && { timeLimit }),
        signal,
      },
    );
    program.output.on('data', (piece: Buffer) => results.push(piece));
    let end: ProgramEnd | undefined;
    try {
      end = await program.ended;
    } catch (error) {
      // Settled by the signal, after the program has ended.
      if (!isAborted(signal)) throw error;
    }
    results.end();
    errors.end();
    const { problem, counters, warnings } = mask.maskAll(records.told());
    const text = output.end();
    return {
      outcome: outcomeOf(end),
      ...(end?.status !== undefined && { exitStatus: end.status }),
      ...problemOf(end, problem, operation),
      ...(counters !== undefined && { counters }),
      ...(warnings.length > 0 && { warnings }),
      ...(text !== '' && { output: text }),
      records: records.others,
    };
  }
}

/** A function, because it may change while we wait. */
const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

function outcomeOf(end: ProgramEnd | undefined): OwnProgramEnd['outcome'] {
  if (end === undefined) return 'cancelled';
  if (end.timedOut || end.status === undefined) return 'failed';
  return outcomes[end.status] ?? 'failed';
}

function problemOf(
  end: ProgramEnd | undefined,
  told: RunProblem | undefined,
  { command, timeLimit }: OwnOperation,
): { readonly problem?: RunProblem } {
  const what = `"holdfast ${command[0] ?? ''}"`;
  if (end === undefined) return {};
  if (end.timedOut) {
    const message = `${what} took longer than ${formatDuration(timeLimit ?? 0)} and was ended`;
    return { problem: { code: 'process/failed', message } };
  }
  if (end.killedBy !== undefined) {
    const hint =
      end.killedBy === 'SIGKILL'
        ? { hint: 'The system ends programs so when there is no memory left' }
        : {};
    const message = `${what} was ended by ${end.killedBy}`;
    return { problem: { code: 'process/failed', message, ...hint } };
  }
  if (told !== undefined) return { problem: told };
  if (end.status === undefined || outcomes[end.status] !== undefined) return {};
  return {
    problem: { code: 'process/failed', message: `${what} ended with status ${end.status}` },
  };
}

/** Programs that start another one with less priority. One that is not installed is left out: a backup at full speed is better than none. */
async function priorityPrefix(
  { nice, ioClass }: Resources = {},
  { PATH = '' }: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  const wanted = [
    ...(nice === undefined ? [] : [['nice', '-n', String(nice)]]),
    ...(ioClass === undefined ? [] : [['ionice', '-c', ioClass === 'idle' ? '3' : '2', '-t']]),
  ];
  const found = await Promise.all(
    wanted.map(async (prefix) => ((await isInstalled(prefix[0]!, PATH)) ? prefix : [])),
  );
  return found.flat();
}

async function isInstalled(name: string, places: string): Promise<boolean> {
  for (const directory of places.split(path.delimiter)) {
    try {
      await access(path.join(directory, name), constants.X_OK);
      return true;
    } catch {
      // Perhaps in the next one.
    }
  }
  return false;
}

/** What is told about an error that was thrown where a step's work should have begun. */
export function problemOfError(error: unknown): RunProblem {
  if (!(error instanceof Error)) return { code: 'internal', message: messageOf(error) };
  const { code, hint } = error as Error & { readonly code?: unknown; readonly hint?: unknown };
  return {
    code: typeof code === 'string' ? code : 'internal',
    message: error.message,
    ...(typeof hint === 'string' && { hint }),
  };
}
