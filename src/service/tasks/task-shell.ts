import { startTimer } from '../../base/long-timer.ts';
import { type Program, startProgram } from '../../base/process.ts';
import { systemRandom } from '../../base/random.ts';
import { MarkedOutput, type ShellMark } from './marked-output.ts';
import { membersOfGroup, signalOthersOfGroup } from './process-group.ts';
import { taskShellCode } from './task-shell-code.ts';

/** After so many milliseconds whatever has begun meanwhile is asked to end as well. */
const TELL_NEW = 250;

export interface TaskShellOptions {
  /** All of it; what the shell and its steps see. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly directory: string;
  /** With errexit and pipefail. */
  readonly strict: boolean;
  /** Milliseconds between the request to end and the order to. Default 5000. */
  readonly grace?: number;
}

export interface ShellStep {
  readonly code: string;
  /** Exported before, for this step and all that follow. */
  readonly variables: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeLimit?: number | undefined;
  /** Ends the step, not the shell. */
  readonly signal?: AbortSignal | undefined;
  readonly onOutput: (piece: Buffer) => void;
}

export interface ShellStepEnd {
  readonly status: number;
  readonly timedOut: boolean;
  /** It was ended because of its signal. */
  readonly stopped: boolean;
  /** The shell has ended with it, and all it knew is gone. */
  readonly shellDied: boolean;
}

/**
 * One bash that runs steps one after the other, so that variables, functions, traps and the directory of one step are there in the next. A step that
 * fails, calls `exit`, takes too long or is told to end ends alone. Only when the shell itself is killed, or replaced by `exec`, it is gone (`isAlive`).
 *
 * Programs that a step leaves behind in the background are left alone when the shell is disposed of, unless a step had to be ended.
 */
export class TaskShell implements AsyncDisposable {
  readonly #program: Program;
  readonly #grace: number;
  readonly #output: MarkedOutput;
  readonly #shells: Set<number>;
  readonly #dead: Promise<number>;
  #isAlive = true;
  #onOutput: (piece: Buffer) => void = () => undefined;
  #onBegun: () => void = () => undefined;
  #onEnd: (status: number) => void = () => undefined;

  private constructor(program: Program, word: string, grace: number) {
    this.#program = program;
    this.#grace = grace;
    this.#shells = new Set([program.pid]);
    this.#output = new MarkedOutput(
      word,
      (piece) => this.#onOutput(piece),
      (mark) => this.#onMark(mark),
    );
    program.output.on('data', (piece: Buffer) => this.#output.push(piece));
    this.#dead = program.exited.then((status) => {
      this.#isAlive = false;
      return status;
    });
  }

  /** @throws AppError `process/failed` if there is no bash */
  static async start(options: TaskShellOptions): Promise<TaskShell> {
    const { environment, directory, strict, grace = 5000 } = options;
    const word = Buffer.from(systemRandom(16)).toString('hex');
    // The code comes by the same way as the steps: process lists stay readable.
    const program = await startProgram(
      ['bash', '-c', `IFS= read -r -d '' __holdfast_code; eval "$__holdfast_code"`, 'task'],
      { environment, directory, grace },
    );
    const shell = new TaskShell(program, word, grace);
    const set = strict ? 'set -eo pipefail' : ':';
    shell.#send(`__holdfast_word=${word}; __holdfast_set='${set}'\n${taskShellCode}`);
    return shell;
  }

  /** The leader of the process group of everything that the steps start. */
  get pid(): number {
    return this.#program.pid;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  async run(step: ShellStep): Promise<ShellStepEnd> {
    let timedOut = false;
    let stopped = false;
    let isOver = false;
    const timers: Disposable[] = [];
    const after = (milliseconds: number, work: () => void): void => {
      if (isOver) return;
      timers.push(startTimer(milliseconds, work));
    };
    const end = async (): Promise<void> => {
      const group = this.#program.pid;
      const told = await membersOfGroup(group);
      if (isOver) return;
      this.#program.send('SIGTERM');
      // What was just being started has not heard it. Nobody is told twice: some take that for more urgent.
      after(TELL_NEW, () => {
        if (told === undefined) return;
        void signalOthersOfGroup(group, 'SIGTERM', new Set([...told, ...this.#shells]));
      });
      after(this.#grace, () => {
        // First what keeps the shell waiting; it then ends the step in order, with all it knows.
        void signalOthersOfGroup(group, 'SIGKILL', this.#shells).then((done) => {
          if (!isOver) this.#program.send(done ? 'SIGTERM' : 'SIGKILL');
        });
        after(this.#grace, () => this.#program.send('SIGKILL'));
      });
    };
    const stop = (): void => {
      stopped = true;
      void end();
    };
    this.#onOutput = step.onOutput;
    const ended = new Promise<{ readonly status: number; readonly shellDied: boolean }>(
      (resolve) => {
        this.#onEnd = (status) => resolve({ status, shellDied: false });
        void this.#dead.then(async (status) => {
          if (isOver) return;
          await this.#cleanUp();
          resolve({ status, shellDied: true });
        });
      },
    );
    // Not before: a shell that has not set its traps yet would just end.
    this.#onBegun = () => {
      if (step.signal?.aborted === true) stop();
      else step.signal?.addEventListener('abort', stop, { once: true });
      if (step.timeLimit === undefined) return;
      after(step.timeLimit, () => {
        timedOut = true;
        void end();
      });
    };
    try {
      this.#send(variablesText(step.variables));
      this.#send(step.code);
      const how = await ended;
      if (timedOut || stopped)
        await signalOthersOfGroup(this.#program.pid, 'SIGKILL', this.#shells);
      return { ...how, timedOut, stopped };
    } finally {
      isOver = true;
      step.signal?.removeEventListener('abort', stop);
      for (const timer of timers) timer[Symbol.dispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using program = this.#program;
    program.input.end();
    // What a step wanted to be done at the end (`trap … EXIT`) is done now; not for ever.
    const timer = setTimeout(() => program.send('SIGTERM'), this.#grace);
    const killer = setTimeout(() => program.send('SIGKILL'), 2 * this.#grace);
    await program.exited;
    clearTimeout(timer);
    clearTimeout(killer);
    await this.#readRest();
  }

  /** The shell has died in a step: what it had started goes as well, and what it printed is read to the end. */
  async #cleanUp(): Promise<void> {
    this.#program.send('SIGKILL');
    await this.#readRest();
  }

  /** Somebody who left the group may hold the output for ever. */
  async #readRest(): Promise<void> {
    const { output } = this.#program;
    const timer = setTimeout(() => output.destroy(), 1000);
    await this.#program.ended.catch(() => undefined);
    clearTimeout(timer);
    this.#output.end();
  }

  #send(text: string): void {
    // No variable of a shell can hold a zero byte.
    this.#program.input.write(`${text.replaceAll('\0', '')}\0`);
  }

  #onMark(mark: ShellMark): void {
    if (mark.kind === 'ended') {
      this.#onEnd(mark.status);
    } else {
      this.#shells.add(mark.pid);
      this.#onBegun();
    }
  }
}

function variablesText(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`)
    .join('; ');
}
