import type { CallOptions } from '../../base/call-options.ts';
import type { ProgramEnd } from '../../base/process.ts';
import type { Tool, ToolEnvironment, ToolRunner } from './tool-runner.ts';

/**
 * Runs a tool with a stream as its input, and gives how it ended; what it prints is not kept. A tool that ends early is not fed any more. If the stream fails the
 * tool is ended and the failure thrown.
 */
export async function feedTool(
  tools: ToolRunner,
  argv: readonly string[],
  environment: ToolEnvironment,
  pieces: AsyncIterable<Uint8Array>,
  { signal }: CallOptions = {},
): Promise<ProgramEnd & { readonly name: string }> {
  await using program = await tools.start(argv, environment, { signal, hasInput: true });
  program.output.resume();
  const { input } = program;
  let hasEnded = false;
  const ended = program.ended.finally(() => void (hasEnded = true));
  // It is awaited below; a failure of the stream comes first.
  ended.catch(() => undefined);
  for await (const piece of pieces) {
    if (hasEnded || input.destroyed) break;
    // A copy: the piece is good only until the next one.
    if (!input.write(Buffer.from(piece))) await room(input);
  }
  input.end();
  return { ...(await ended), name: program.name };
}

/** Resolves when more can be written, or nothing more at all. */
async function room(input: Tool['input']): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      input.off('drain', done);
      input.off('close', done);
      resolve();
    };
    input.once('drain', done);
    input.once('close', done);
    if (input.destroyed) done();
  });
}
