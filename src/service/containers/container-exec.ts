import type { ContainerExecEnd, ContainerExecOptions } from '../runner/step-context.ts';
import { startContainerProgram } from './container-program.ts';
import type { DockerClient } from './docker-client.ts';

/** Runs a command in a container to its end; a text by `sh -c`. Its exit status is for the caller to judge. */
export async function runInContainer(
  client: DockerClient,
  container: string,
  command: string | readonly string[],
  { onOutput, ...options }: ContainerExecOptions,
): Promise<ContainerExecEnd> {
  const argv = typeof command === 'string' ? ['sh', '-c', command] : command;
  await using program = await startContainerProgram(client, container, argv, {
    ...options,
    ...(onOutput !== undefined && { onErrorOutput: onOutput }),
  });
  program.output.on('data', (piece: Buffer) => onOutput?.(piece));
  const { status, timedOut } = await program.ended;
  return { status, timedOut };
}
