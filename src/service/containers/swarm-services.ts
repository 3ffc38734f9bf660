import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError, hasCode } from '../../base/errors.ts';
import { fieldsOf, listOf, numberOf, textOf, textsOf } from './answer-fields.ts';
import type { DockerTransport } from './docker-transport.ts';

/** A service of a swarm. */
export interface SwarmService {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** How many there should be; `undefined` for one that runs on every machine and cannot be scaled. */
  readonly replicas: number | undefined;
}

interface ServiceState extends SwarmService {
  readonly version: number;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Services of a swarm are stopped by asking for none of them, because the swarm would replace a stopped container at once. */
export class SwarmServices {
  readonly #transport: DockerTransport;
  readonly #clock: Clock;

  constructor(transport: DockerTransport, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  /** Services with a label; none where there is no swarm, or where a proxy does not let us ask. */
  async list(label: string, { signal }: CallOptions = {}): Promise<readonly SwarmService[]> {
    try {
      const { body } = await this.#transport.call(
        {
          method: 'GET',
          path: '/services',
          query: { filters: JSON.stringify({ label: [label] }) },
          action: 'list services',
          signal,
        },
        [200],
      );
      return listOf(body).map(readService);
    } catch (error) {
      const status = hasCode(error) ? error.details['status'] : undefined;
      // 503: "This node is not a swarm manager"; 404: an engine that has no swarms; 403: a proxy.
      if (status === 503 || status === 404 || status === 403) return [];
      throw error;
    }
  }

  /** `undefined` if there is no such service. */
  async get(service: string, options: CallOptions = {}): Promise<SwarmService | undefined> {
    return this.#read(service, options);
  }

  /**
   * Asks for another number and waits until there are as many. `gone` if there is no such service.
   *
   * @throws AppError `container/failed` if there are not as many within `timeout` milliseconds
   */
  async scale(
    service: string,
    replicas: number,
    timeout: number,
    options: CallOptions = {},
  ): Promise<'done' | 'gone'> {
    const action = `scale the service "${service}" to ${replicas}`;
    const deadline = this.#clock.monotonic() + timeout;
    for (;;) {
      const current = await this.#read(service, options);
      if (current === undefined) return 'gone';
      if (current.replicas === undefined)
        throw new AppError(
          'container/failed',
          `Cannot ${action}: it runs on every machine of the swarm`,
        );
      if (current.replicas === replicas) break;
      const spec = { ...current.spec, Mode: { Replicated: { Replicas: replicas } } };
      const { status } = await this.#transport.call(
        {
          method: 'POST',
          path: `/services/${encodeURIComponent(current.id)}/update`,
          query: { version: String(current.version) },
          body: spec,
          action,
          ...options,
        },
        [200, 409, 500],
      );
      if (status === 200) break;
      // "update out of sequence": somebody else has changed it since we looked.
      if (this.#clock.monotonic() >= deadline)
        throw new AppError(
          'container/failed',
          `Cannot ${action}: it keeps being changed by others`,
        );
      await this.#clock.sleep(200, options);
    }
    await this.#untilRunning(service, replicas, deadline, action, options);
    return 'done';
  }

  async #untilRunning(
    service: string,
    replicas: number,
    deadline: number,
    action: string,
    options: CallOptions,
  ): Promise<void> {
    for (;;) {
      const { body } = await this.#transport.call(
        {
          method: 'GET',
          path: '/tasks',
          query: { filters: JSON.stringify({ service: [service] }) },
          action,
          ...options,
        },
        [200],
      );
      const states = listOf(body).map((task) =>
        textOf(fieldsOf(fieldsOf(task)['Status'])['State']),
      );
      const running = states.filter((state) => state === 'running').length;
      const leaving = states.filter((state) =>
        ['running', 'starting', 'preparing'].includes(state),
      );
      if (replicas === 0 ? leaving.length === 0 : running >= replicas) return;
      if (this.#clock.monotonic() >= deadline) {
        throw new AppError(
          'container/failed',
          `Cannot ${action}: ${running} of ${replicas} ran when the time was over`,
        );
      }
      await this.#clock.sleep(500, options);
    }
  }

  async #read(service: string, options: CallOptions): Promise<ServiceState | undefined> {
    const { status, body } = await this.#transport.call(
      {
        method: 'GET',
        path: `/services/${encodeURIComponent(service)}`,
        action: `look at the service "${service}"`,
        ...options,
      },
      [200, 404],
    );
    return status === 404 ? undefined : readService(body);
  }
}

function readService(answer: unknown): ServiceState {
  const fields = fieldsOf(answer);
  const spec = fieldsOf(fields['Spec']);
  return {
    id: textOf(fields['ID']),
    name: textOf(spec['Name']),
    labels: textsOf(spec['Labels']),
    replicas: numberOf(fieldsOf(fieldsOf(spec['Mode'])['Replicated'])['Replicas']),
    version: numberOf(fieldsOf(fields['Version'])['Index']) ?? 0,
    spec,
  };
}
