import type { Clock } from '../../base/clock.ts';
import { formatDuration } from '../../base/duration.ts';
import { isRetryable } from '../../base/errors.ts';
import type { Semaphore } from '../../base/semaphore.ts';
import type { RunProblem } from '../../model/run.ts';
import { type ContainerDetails, isActive } from './container-details.ts';
import { problemOf } from './container-problem.ts';
import type { DockerClient } from './docker-client.ts';
import type { StoppedContainers, StoppedItem } from './stopped-containers.ts';
import type { SwarmServices } from './swarm-services.ts';

export interface StartContext {
  readonly client: DockerClient;
  readonly services: SwarmServices;
  readonly clock: Clock;
  /** Held while it is decided what to start and until the engine has started it. */
  readonly turn: Semaphore;
  /** Ids that other runs still want stopped; they will start them. */
  heldByOthers(): Promise<ReadonlySet<string>>;
  /** Milliseconds for which a started container is watched, in case it ends at once. */
  readonly watch: number;
  /** Told what is still to be started. */
  onProgress(left: readonly StoppedItem[]): Promise<void>;
}

export interface StartEnd {
  readonly started: readonly StoppedItem[];
  readonly failed: readonly StoppedItem[];
  readonly warnings: readonly string[];
  readonly problem: RunProblem | undefined;
}

/** Pauses in milliseconds before an engine that does not answer is asked again. */
const pauses = [500, 2000, 5000];
const betweenLooks = 250;

/** Starts in the opposite order of stopping. What cannot be started is told, and the others start all the same. */
export async function startItems(
  stopped: StoppedContainers,
  context: StartContext,
): Promise<StartEnd> {
  const { items } = stopped;
  const started: StoppedItem[] = [];
  const failed: StoppedItem[] = [];
  const warnings: string[] = [];
  const problems: RunProblem[] = [];
  const groups = [...new Set(items.map((item) => item.group))].sort((a, b) => b - a);
  const unlooked: StartedItem[] = [];
  for (const group of groups) {
    const members = items.filter((item) => item.group === group);
    {
      using _turn = await context.turn.acquire();
      const held = await context.heldByOthers();
      const ours = members.filter(({ id }) => !held.has(id));
      await Promise.all(
        ours.map(async (item) => {
          try {
            const now = await startItem(item, stopped, context);
            if (now === undefined) {
              warnings.push(
                `The ${item.kind} "${item.name}" is not there any more, so it was not started again`,
              );
              return;
            }
            if (now.wasDown) started.push(now.item);
            unlooked.push(now);
          } catch (error) {
            failed.push(item);
            problems.push(problemOf(error));
          }
        }),
      );
      await context.onProgress([...failed, ...items.filter((item) => item.group < group)]);
    }
    // The others can wait for their health at the end, together.
    if (members.some((item) => item.isNeeded))
      await lookAfter(unlooked.splice(0), stopped, context, warnings, problems);
  }
  await lookAfter(unlooked, stopped, context, warnings, problems);
  const [problem, ...others] = problems;
  warnings.push(...others.map(({ message }) => message));
  return { started, failed, warnings, problem };
}

interface StartedItem {
  /** As it is called now. */
  readonly item: StoppedItem;
  /** It did not run any more: no call to stop it can still be under way. */
  readonly wasDown: boolean;
}

/** `undefined` if it is gone. */
async function startItem(
  item: StoppedItem,
  { startTimeout, stopsUntil }: StoppedContainers,
  { client, services, clock }: StartContext,
): Promise<StartedItem | undefined> {
  for (let attempt = 0; ; attempt++) {
    try {
      if (item.kind === 'service') {
        const state = await services.get(item.id);
        if (state === undefined) return undefined;
        // Somebody has already asked for some again.
        if (state.replicas !== 0) return { item, wasDown: false };
        const end = await services.scale(
          item.id,
          item.replicas ?? 1,
          Math.max(startTimeout, 300_000),
        );
        return end === 'gone' ? undefined : { item, wasDown: true };
      }
      const end = await client.start(item.id);
      if (end !== 'gone') return { item, wasDown: end === 'started' };
      const current = await findAgain(item, client);
      if (current === undefined) return undefined;
      const { id, name } = current;
      const other = await client.start(id);
      return other === 'gone'
        ? undefined
        : { item: { ...item, id, name }, wasDown: other === 'started' };
    } catch (error) {
      // An engine may refuse to start what it is still stopping.
      const isStopping = clock.now() < stopsUntil;
      const pause = isStopping ? pauses[0] : pauses[attempt];
      if (pause === undefined || !(isStopping || isRetryable(error))) throw error;
      await clock.sleep(pause);
    }
  }
}

/** Compose makes a container anew when its settings change: the name is the same, or at least its labels are. */
async function findAgain(
  { name, project, service, number }: StoppedItem,
  client: DockerClient,
): Promise<ContainerDetails | undefined> {
  const named = await client.inspect(name);
  if (named !== undefined || project === undefined || service === undefined) return named;
  const labels = [
    `com.docker.compose.project=${project}`,
    `com.docker.compose.service=${service}`,
    ...(number === undefined ? [] : [`com.docker.compose.container-number=${number}`]),
  ];
  const [id] = await client.list(labels);
  return id === undefined ? undefined : client.inspect(id);
}

/** Waits until each is healthy, if it has a check of its health, and sees to it that it goes on running. */
async function lookAfter(
  items: readonly StartedItem[],
  stopped: StoppedContainers,
  context: StartContext,
  warnings: string[],
  problems: RunProblem[],
): Promise<void> {
  const deadline = context.clock.monotonic() + stopped.startTimeout;
  const containers = items.filter(({ item }) => item.kind === 'container');
  await Promise.all(
    containers.map(async (one) => {
      try {
        const found = await lookAt(one, deadline, stopped, context);
        if (found?.warning !== undefined) warnings.push(found.warning);
        if (found?.problem !== undefined) problems.push(found.problem);
      } catch (error) {
        const { message } = problemOf(error);
        warnings.push(`Cannot see whether the container "${one.item.name}" is well: ${message}`);
      }
    }),
  );
}

async function lookAt(
  { item: { id, name }, wasDown }: StartedItem,
  deadline: number,
  { startTimeout, stopsUntil }: StoppedContainers,
  { client, clock, watch }: StartContext,
): Promise<{ readonly warning?: string; readonly problem?: RunProblem } | undefined> {
  const watchedUntil = clock.monotonic() + watch;
  let isSettled = wasDown;
  for (;;) {
    const container = await client.inspect(id);
    if (container === undefined) return undefined;
    const isStopping = !isSettled && clock.now() < stopsUntil;
    if (!isActive(container) && !isStopping) {
      const status = container.exitStatus ?? 'unknown';
      const message = `The container "${name}" was started and ended at once, with status ${status}`;
      return { problem: { code: 'container/failed', message } };
    }
    // Stopped by a call from before the program died.
    if (container.state === 'exited' && isStopping) {
      isSettled = (await client.start(id)) === 'started';
      continue;
    }
    const isWell = container.state === 'running' && ['none', 'healthy'].includes(container.health);
    if (isWell && !isStopping && clock.monotonic() >= watchedUntil) return undefined;
    if (!isWell && !isStopping && clock.monotonic() >= deadline) {
      const state = container.state === 'running' ? container.health : container.state;
      const time = formatDuration(startTimeout);
      return { warning: `The container "${name}" was started, but after ${time} it is ${state}` };
    }
    await clock.sleep(betweenLooks);
  }
}
