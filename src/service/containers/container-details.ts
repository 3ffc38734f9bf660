import { fieldsOf, listOf, numberOf, textOf, textsOf } from './answer-fields.ts';

/** A container, as far as it matters here. */
export interface ContainerDetails {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `running`, `paused`, `restarting`, `exited`, `created` … */
  readonly state: string;
  readonly exitStatus: number | undefined;
  /** `none` without a check of its health. */
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  /** The engine deletes it when it stops. */
  readonly isRemovedAtEnd: boolean;
  readonly hostname: string;
  readonly networkMode: string;
  /** Containers whose network, processes or memory it shares; they have to run before it. */
  readonly joins: readonly string[];
}

/** It works, or the engine is about to start it again. */
export const isActive = ({ state }: Pick<ContainerDetails, 'state'>): boolean =>
  state === 'running' || state === 'restarting';

/** From the answer of `GET /containers/<id>/json`. */
export function readContainerDetails(answer: unknown): ContainerDetails {
  const fields = fieldsOf(answer);
  const state = fieldsOf(fields['State']);
  const host = fieldsOf(fields['HostConfig']);
  const config = fieldsOf(fields['Config']);
  const health = textOf(fieldsOf(state['Health'])['Status']);
  const modes = ['NetworkMode', 'IpcMode', 'PidMode'].map((name) => textOf(host[name]));
  return {
    id: textOf(fields['Id']),
    name: textOf(fields['Name']).replace(/^\//u, ''),
    labels: textsOf(config['Labels']),
    state: textOf(state['Status']),
    exitStatus: numberOf(state['ExitCode']),
    health:
      health === 'starting' || health === 'healthy' || health === 'unhealthy' ? health : 'none',
    isRemovedAtEnd: host['AutoRemove'] === true,
    hostname: textOf(config['Hostname']),
    networkMode: textOf(host['NetworkMode']),
    joins: modes.flatMap((mode) => /^container:(.+)$/u.exec(mode)?.slice(1, 2) ?? []),
  };
}

/** The ids in the answer of `GET /containers/json`. */
export function readContainerIds(answer: unknown): readonly string[] {
  return listOf(answer).map((one) => textOf(fieldsOf(one)['Id']));
}
