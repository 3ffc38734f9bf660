import { PassThrough, Writable } from 'node:stream';

import { systemClock } from '../../src/base/clock.ts';
import type { CliContext } from '../../src/cli/context.ts';
import { type CommandSet, runCommandLine } from '../../src/cli/run.ts';

/** Standard input of a terminal: what is sent arrives as keystrokes; remembers whether echo was off. */
export class TerminalInput extends PassThrough {
  readonly isTTY = true;
  raw = false;
  /** Whether echo was off when each piece of input was read. */
  readonly rawWhileTyped: boolean[] = [];

  setRawMode(raw: boolean): void {
    this.raw = raw;
  }
}

/** A stream that keeps what is written. */
export class Captured extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }

  /** The lines of JSON that were written. */
  get records(): Record<string, unknown>[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

export interface Ran {
  readonly status: number;
  readonly stdin: TerminalInput;
  readonly stdout: Captured;
  readonly stderr: Captured;
}

export interface CommandLineOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Answers typed on the terminal, one a question; without them there is no terminal. */
  readonly typed?: readonly string[];
  readonly commands?: CommandSet;
  readonly context?: Partial<CliContext>;
}

/** A context without terminal, environment or time zone of its own. */
export function testContext(options: CommandLineOptions = {}): CliContext & {
  readonly stdin: TerminalInput;
  readonly stdout: Captured;
  readonly stderr: Captured;
} {
  const { typed } = options;
  const stdin = new TerminalInput();
  if (typed === undefined) {
    stdin.end();
  }
  const stderr = new Captured();
  if (typed !== undefined) answerQuestions(stdin, stderr, typed);
  return {
    stdin,
    stdout: new Captured(),
    environment: options.environment ?? {},
    clock: systemClock,
    signal: new AbortController().signal,
    terminal: {
      interactive: typed !== undefined,
      output: false,
      progress: false,
      columns: () => 80,
      colour: false,
    },
    timeZone: 'UTC',
    workingDirectory: process.cwd(),
    version: '1.2.3',
    ...options.context,
    stderr,
  } as ReturnType<typeof testContext>;
}

/** Runs a command line in this process and captures what it says. */
export async function runForTest(
  argv: readonly string[],
  options: CommandLineOptions = {},
): Promise<Ran> {
  const context = testContext(options);
  const status = await runCommandLine(argv, context, options.commands);
  return { status, stdin: context.stdin, stdout: context.stdout, stderr: context.stderr };
}

/** Types the next answer whenever a question (something that ends in ": " or "] ") was written. */
function answerQuestions(stdin: TerminalInput, stderr: Captured, typed: readonly string[]): void {
  const rest = [...typed];
  const write = stderr._write.bind(stderr);
  stderr._write = (chunk: Buffer, encoding, done) => {
    write(chunk, encoding, done);
    if (!/(?:: |\] )$/u.test(chunk.toString('utf8'))) return;
    setImmediate(() => {
      stdin.rawWhileTyped.push(stdin.raw);
      const answer = rest.shift();
      if (answer === undefined) stdin.end();
      else stdin.write(`${answer}\r`);
    });
  };
}
