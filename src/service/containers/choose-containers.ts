import type { CallOptions } from '../../base/call-options.ts';
import type { ContainerRule } from '../../model/job.ts';
import { type ContainerDetails, isActive } from './container-details.ts';
import type { DockerClient } from './docker-client.ts';
import { isOwnContainer, type OwnContainer } from './own-container.ts';
import { dependenciesOf, isNamed, type Ordered, stopOrder } from './stop-order.ts';
import type { StoppedItem } from './stopped-containers.ts';
import type { SwarmService, SwarmServices } from './swarm-services.ts';

export interface ChosenContainers {
  /** What has to be stopped, in this order. */
  readonly items: readonly StoppedItem[];
  /** Whatever the user should know: names that mean nothing, containers that cannot be stopped. */
  readonly warnings: readonly string[];
  /** The label of the rule, if nothing has it. */
  readonly unusedLabel?: string | undefined;
}

export interface ChoosingContext extends CallOptions {
  readonly client: DockerClient;
  readonly services: SwarmServices;
  readonly own: OwnContainer;
  /** Whether another run has stopped it and will start it again. */
  readonly isHeld: (id: string) => boolean;
}

const swarmServiceLabel = 'com.docker.swarm.service.id';

/** Finds what a rule means and what of it is running now. Never the container of this program, nor one through which it speaks to the engine. */
export async function chooseContainers(
  rule: ContainerRule,
  context: ChoosingContext,
): Promise<ChosenContainers> {
  const warnings: string[] = [];
  const names = rule.names ?? [];
  const found = await findContainers(rule, context, warnings);
  const chosen = found.filter((container) => isForUs(container, names, context, warnings));
  const services = await findServices(rule, chosen, context, warnings);
  const containers = chosen.filter(({ labels }) => labels[swarmServiceLabel] === undefined);
  const ordered: readonly (Ordered & { readonly replicas?: number })[] = [
    ...containers,
    ...services.map(({ id, name, labels, replicas }) => ({
      id,
      name,
      labels,
      joins: [],
      replicas: replicas ?? 0,
    })),
  ];
  const needed = new Set(ordered.flatMap((item) => dependenciesOf(item, ordered)));
  const items = stopOrder(ordered, names).flatMap((members, group) =>
    members.map((item) => itemOf(item, group, needed.has(item))),
  );
  const isUnused = rule.label !== undefined && found.length === 0 && services.length === 0;
  return { items, warnings, ...(isUnused && { unusedLabel: rule.label }) };
}

async function findContainers(
  { label, names = [] }: ContainerRule,
  { client, signal }: ChoosingContext,
  warnings: string[],
): Promise<readonly ContainerDetails[]> {
  const found = new Map<string, ContainerDetails>();
  const labelled = label === undefined ? [] : await client.list([label], { signal });
  for (const one of [...labelled, ...names]) {
    const container = await client.inspect(one, { signal });
    if (container !== undefined) found.set(container.id, container);
    else if (names.includes(one)) warnings.push(`There is no container "${one}" to stop`);
  }
  return [...found.values()];
}

function isForUs(
  container: ContainerDetails,
  names: readonly string[],
  { client, own, isHeld }: ChoosingContext,
  warnings: string[],
): boolean {
  const { id, name } = container;
  const wasNamed = names.some((wanted) => isNamed(container, wanted));
  const { host } = client.transport.endpoint;
  if (isOwnContainer(own, container)) {
    if (wasNamed)
      warnings.push(`The container "${name}" is not stopped: Holdfast itself runs in it`);
    return false;
  }
  const isDoor =
    host !== undefined && [name, container.labels['com.docker.compose.service']].includes(host);
  if (isDoor) {
    if (wasNamed)
      warnings.push(
        `The container "${name}" is not stopped: Holdfast speaks to the engine through it`,
      );
    return false;
  }
  if (!isActive(container)) return isHeld(id);
  if (container.isRemovedAtEnd) {
    warnings.push(
      `The container "${name}" is not stopped: it was made with --rm, so the engine would delete it`,
    );
    return false;
  }
  return true;
}

async function findServices(
  { label }: ContainerRule,
  containers: readonly ContainerDetails[],
  { services, isHeld, signal }: ChoosingContext,
  warnings: string[],
): Promise<readonly SwarmService[]> {
  const found = new Map<string, SwarmService>();
  const labelled = label === undefined ? [] : await services.list(label, { signal });
  for (const service of labelled) found.set(service.id, service);
  for (const { labels } of containers) {
    const id = labels[swarmServiceLabel];
    const service =
      id === undefined || found.has(id) ? undefined : await services.get(id, { signal });
    if (service !== undefined) found.set(service.id, service);
  }
  return [...found.values()].filter(({ id, name, replicas }) => {
    if (replicas === undefined)
      warnings.push(`The service "${name}" is not stopped: it runs on every machine of the swarm`);
    return replicas !== undefined && (replicas > 0 || isHeld(id));
  });
}

function itemOf(
  { id, name, labels, replicas }: Ordered & { readonly replicas?: number },
  group: number,
  isNeeded: boolean,
): StoppedItem {
  const project = labels['com.docker.compose.project'];
  const service = labels['com.docker.compose.service'];
  const number = labels['com.docker.compose.container-number'];
  return {
    kind: replicas === undefined ? 'container' : 'service',
    id,
    name,
    group,
    isNeeded,
    ...(project !== undefined && { project }),
    ...(service !== undefined && { service }),
    ...(number !== undefined && { number }),
    ...(replicas !== undefined && { replicas }),
  };
}
