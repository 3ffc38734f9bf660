import type { CallOptions } from '../../base/call-options.ts';
import { failureOf, type ProgramEnd, startProgram } from '../../base/process.ts';
import { KeptOutput } from './kept-output.ts';
import type { SecretMask } from './mask-secrets.ts';

export interface CommandOptions extends CallOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly directory: string;
  readonly mask: SecretMask;
  /** Milliseconds; then it is ended with all that it started. */
  readonly timeLimit?: number;
  /** Told when it has begun. */
  readonly onStart?: (pid: number) => Promise<void>;
}

/** How a command ended that is not our own. */
export interface CommandEnd {
  readonly status: number | undefined;
  readonly timedOut: boolean;
  /** As the end of a sentence; `undefined` if it did not fail. Masked. */
  readonly failure: string | undefined;
  /** What it printed, standard output and errors, masked. */
  readonly output: string;
}

/**
 * Runs a program (a text by `sh -c`) to its end, in a process group of its own.
 *
 * @throws AppError `process/failed` if it cannot be started; `signal.reason`
 */
export async function runCommand(
  command: string | readonly string[],
  { environment, directory, mask, timeLimit, onStart, signal }: CommandOptions,
): Promise<CommandEnd> {
  const output = new KeptOutput(mask);
  const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  await using program = await startProgram(argv, {
    environment,
    directory,
    signal,
    onErrorOutput: (piece) => output.push(piece),
    ...(timeLimit !== undefined && { timeLimit }),
  });
  program.output.on('data', (piece: Buffer) => output.push(piece));
  program.input.end();
  await onStart?.(program.pid);
  const end = await program.ended;
  return {
    status: end.status,
    timedOut: end.timedOut,
    failure: mask.mask(failureOf(shortened(end)) ?? '') || undefined,
    output: output.end(),
  };
}

/** All its words are in the output; in the sentence only the last ones are. */
function shortened(end: ProgramEnd): ProgramEnd {
  return { ...end, lastWords: end.lastWords.split('\n').at(-1)?.slice(-300) ?? '' };
}
