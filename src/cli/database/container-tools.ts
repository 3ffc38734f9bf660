import { startContainerProgram } from '../../service/containers/container-program.ts';
import { openDockerClient } from '../../service/containers/docker-client.ts';
import { runTool, type ToolRunner } from '../../source/database/tool-runner.ts';

/**
 * Tools inside a running container, by the socket of a Docker-compatible engine (`DOCKER_HOST`, or where it usually is). Passwords are in the environment of what is
 * run there.
 */
export async function containerTools(
  container: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ToolRunner & AsyncDisposable> {
  const client = await openDockerClient({ environment });
  const tools: ToolRunner = {
    place: `in the container "${container}"`,
    isLocal: false,
    serverName: container,
    async find(name, { signal } = {}) {
      const look = ['sh', '-c', 'command -v "$1"', 'sh', name];
      const { output, status } = await runTool(tools, look, {}, { signal });
      const found = output.toString().trim();
      return status === 0 && found !== '' ? [found] : [];
    },
    start: (argv, variables, { signal, timeLimit, hasInput = false } = {}) =>
      startContainerProgram(client, container, argv, {
        environment: variables,
        hasInput,
        signal,
        ...(timeLimit !== undefined && { timeLimit }),
      }),
  };
  return { ...tools, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
}
