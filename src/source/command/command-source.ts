import type { Readable } from 'node:stream';

import type { CallOptions } from '../../base/call-options.ts';
import { AppError, hasCode } from '../../base/errors.ts';
import { failureOf, type ProgramOptions, startProgram } from '../../base/process.ts';

/**
 * The standard output of a command, in pieces of any size. The end is only reported when the command has ended well:
 * a dump that broke off never looks complete.
 *
 * @param argv program and arguments, given to it as they are
 * @throws AppError `source/command-failed` if it cannot be started, ends with another status than 0 or by a signal,
 * with the last lines it wrote to standard error
 */
export async function* readCommand(
  argv: readonly string[],
  options: ProgramOptions = {},
): AsyncGenerator<Buffer, void, void> {
  const { signal } = options;
  await using program = await startProgram(argv, options).catch((cause: unknown) => {
    if (!hasCode(cause, 'process/failed')) throw cause;
    throw new AppError('source/command-failed', cause.message, {
      cause,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    });
  });
  program.input.end();
  yield* readAll(program.output, { signal });
  const failure = failureOf(await program.ended);
  if (failure === undefined) return;
  throw new AppError('source/command-failed', `The command "${program.name}" failed: ${failure}`, {
    hint: 'Nothing was kept of its output; run it by hand to see what is wrong',
  });
}

/** What arrives on standard input, to its end. @throws AppError `source/unreadable` */
export async function* readStandardInput(
  options: CallOptions & { readonly input: Readable },
): AsyncGenerator<Buffer, void, void> {
  const { input, signal } = options;
  try {
    yield* readAll(input, { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new AppError('source/unreadable', 'Cannot read standard input', { cause });
  }
}

async function* readAll(
  stream: Readable,
  { signal }: CallOptions,
): AsyncGenerator<Buffer, void, void> {
  signal?.throwIfAborted();
  const stop = (): void => void stream.destroy(signal?.reason as Error);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for await (const part of stream) yield part as Buffer;
    signal?.throwIfAborted();
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
