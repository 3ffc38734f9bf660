import type { CallOptions } from '../../base/call-options.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { AppError, hasCode } from '../../base/errors.ts';
import { fieldsOf, numberOf, textOf } from './answer-fields.ts';
import {
  type ContainerDetails,
  readContainerDetails,
  readContainerIds,
} from './container-details.ts';
import { type DockerPlaces, findDockerEndpoint } from './docker-endpoint.ts';
import { DockerTransport } from './docker-transport.ts';

/** What is to run in a container. */
export interface ContainerCommand {
  readonly command: readonly string[];
  /** `user`, `uid`, `user:group`; that of the container by default. */
  readonly user?: string;
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it reads what we send. */
  readonly hasInput: boolean;
}

export interface ContainerCommandState {
  readonly isRunning: boolean;
  readonly exitStatus: number | undefined;
}

/** In milliseconds. */
const pausesBetweenAttempts = [100, 300, 1000] as const;
/** Docker and Podman say so that a container does not run. */
const retriedStatuses: ReadonlySet<number> = new Set([409, 500]);

/** Containers of a Docker-compatible engine. Names and ids are both accepted wherever a container is asked for. */
export class DockerClient implements AsyncDisposable {
  readonly transport: DockerTransport;
  readonly #clock: Clock;

  constructor(transport: DockerTransport, clock: Clock = systemClock) {
    this.transport = transport;
    this.#clock = clock;
  }

  /** Ids of all containers that have all of some labels (`name` or `name=value`), whether they run or not. */
  async list(labels: readonly string[], { signal }: CallOptions = {}): Promise<readonly string[]> {
    const filters = labels.length > 0 ? { label: labels } : {};
    const { body } = await this.transport.call(
      {
        method: 'GET',
        path: '/containers/json',
        query: { all: 'true', filters: JSON.stringify(filters) },
        action: 'list containers',
        signal,
      },
      [200],
    );
    return readContainerIds(body);
  }

  /** `undefined` if there is no such container. */
  async inspect(
    container: string,
    { signal }: CallOptions = {},
  ): Promise<ContainerDetails | undefined> {
    const { status, body } = await this.transport.call(
      {
        method: 'GET',
        path: `/containers/${encodeURIComponent(container)}/json`,
        action: `look at the container "${container}"`,
        signal,
      },
      [200, 404],
    );
    return status === 404 ? undefined : readContainerDetails(body);
  }

  /** Asks it to stop, and kills it after `timeout` milliseconds. `not-running` if it did not run, `gone` if there is no such container. */
  async stop(
    container: string,
    timeout: number,
    { signal }: CallOptions = {},
  ): Promise<'stopped' | 'not-running' | 'gone'> {
    const { status } = await this.transport.call(
      {
        method: 'POST',
        path: `/containers/${encodeURIComponent(container)}/stop`,
        query: { t: String(Math.max(1, Math.ceil(timeout / 1000))) },
        action: `stop the container "${container}"`,
        patience: timeout + 60_000,
        signal,
      },
      [204, 304, 404],
    );
    if (status === 404) return 'gone';
    return status === 304 ? 'not-running' : 'stopped';
  }

  /** `running` if it already did. `gone` if there is no such container. */
  async start(
    container: string,
    { signal }: CallOptions = {},
  ): Promise<'started' | 'running' | 'gone'> {
    const { status } = await this.transport.call(
      {
        method: 'POST',
        path: `/containers/${encodeURIComponent(container)}/start`,
        action: `start the container "${container}"`,
        patience: 120_000,
        signal,
      },
      [204, 304, 404],
    );
    if (status === 404) return 'gone';
    return status === 304 ? 'running' : 'started';
  }

  /**
   * Prepares a command and gives its id; `transport` starts it by `/exec/<id>/start`. An engine that is busy may say of a container that runs that it does not: then it is
   * asked again.
   */
  async createCommand(
    container: string,
    command: ContainerCommand,
    options: CallOptions = {},
  ): Promise<string> {
    for (const pause of pausesBetweenAttempts) {
      try {
        return await this.#createCommand(container, command, options);
      } catch (error) {
        if (!hasCode(error, 'container/failed')) throw error;
        if (!retriedStatuses.has(Number(error.details['status']))) throw error;
        const details = await this.inspect(container, options);
        if (details === undefined || details.state !== 'running') throw error;
      }
      await this.#clock.sleep(pause, options);
    }
    return await this.#createCommand(container, command, options);
  }

  async #createCommand(
    container: string,
    command: ContainerCommand,
    { signal }: CallOptions,
  ): Promise<string> {
    const { user, directory, environment = {} } = command;
    const { status, body } = await this.transport.call(
      {
        method: 'POST',
        path: `/containers/${encodeURIComponent(container)}/exec`,
        body: {
          AttachStdin: command.hasInput,
          AttachStdout: true,
          AttachStderr: true,
          Tty: false,
          Cmd: command.command,
          Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
          ...(user !== undefined && { User: user }),
          ...(directory !== undefined && { WorkingDir: directory }),
        },
        action: `run a command in the container "${container}"`,
        signal,
      },
      [201, 404, 409],
    );
    if (status === 201) return textOf(fieldsOf(body)['Id']);
    const reason = status === 404 ? 'there is no such container' : 'it does not run';
    throw new AppError(
      'container/failed',
      `Cannot run a command in the container "${container}": ${reason}`,
      { details: { status } },
    );
  }

  /** `undefined` if the engine has forgotten it, as when its container was removed. */
  async commandState(
    id: string,
    { signal }: CallOptions = {},
  ): Promise<ContainerCommandState | undefined> {
    const { status, body } = await this.transport.call(
      { method: 'GET', path: `/exec/${id}/json`, action: 'ask how a command ended', signal },
      [200, 404],
    );
    if (status === 404) return undefined;
    const fields = fieldsOf(body);
    return { isRunning: fields['Running'] === true, exitStatus: numberOf(fields['ExitCode']) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport[Symbol.asyncDispose]();
  }
}

/** Connects at the first call, so that this succeeds whether an engine is there or not. */
export async function openDockerClient(places: DockerPlaces): Promise<DockerClient> {
  return new DockerClient(new DockerTransport(await findDockerEndpoint(places)));
}
