import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import type { Secret } from '../../../base/secret.ts';
import {
  readTool,
  runTool,
  throwIfFailed,
  type ToolEnvironment,
  type ToolRunner,
} from '../tool-runner.ts';

interface StageOptions extends CallOptions {
  readonly what: string;
  readonly secret: Secret | undefined;
}

/**
 * A dump in PostgreSQL's directory format as a tar. Only this format needs room besides the database: it is made in a temporary directory where the tools run,
 * and removed from there at the end, whatever happens.
 *
 * @param argv of pg_dump, without the place to write to
 * @throws AppError `database/failed` if any of the programs fails
 */
export async function* readDirectoryDump(
  tools: ToolRunner,
  argv: readonly string[],
  environment: ToolEnvironment,
  options: StageOptions,
): AsyncGenerator<Buffer, void, void> {
  await using directory = await temporaryToolDirectory(tools, options);
  const [program = '', ...parameters] = argv;
  const place = `${directory.path}/dump`;
  const made = await runTool(
    tools,
    [program, `--file=${place}`, ...parameters],
    environment,
    options,
  );
  throwIfFailed(program, made, options);
  yield* readTool(tools, ['tar', '-C', place, '-cf', '-', '.'], {}, options);
}

/** A new directory where tools run, which only they can enter. */
export async function temporaryToolDirectory(
  tools: ToolRunner,
  { signal, what }: CallOptions & { readonly what: string },
): Promise<AsyncDisposable & { readonly path: string }> {
  const made = await runTool(tools, ['mktemp', '-d'], {}, { signal });
  throwIfFailed('mktemp', made, { what });
  const path = made.output.toString().trim();
  if (!path.startsWith('/')) {
    throw new AppError('database/failed', `${what} failed: "mktemp" made no directory`);
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      // Also after an abort: a dump must not stay behind.
      const removed = await runTool(tools, ['rm', '-rf', path], {});
      throwIfFailed('rm', removed, { what: `Removing "${path}" ${tools.place}` });
    },
  };
}
