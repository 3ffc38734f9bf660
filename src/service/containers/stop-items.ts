import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { formatDuration } from '../../base/duration.ts';
import type { RunProblem } from '../../model/run.ts';
import { problemOf } from './container-problem.ts';
import type { DockerClient } from './docker-client.ts';
import type { StoppedItem } from './stopped-containers.ts';
import type { SwarmServices } from './swarm-services.ts';

export interface StopContext {
  readonly client: DockerClient;
  readonly services: SwarmServices;
  readonly clock: Clock;
  /** Milliseconds for each. */
  readonly timeout: number;
}

export interface StopEnd {
  readonly stopped: readonly StoppedItem[];
  /** Somebody else was sooner. */
  readonly notRunning: readonly StoppedItem[];
  readonly warnings: readonly string[];
  /** The first failure; nothing more was stopped after it. */
  readonly problem: RunProblem | undefined;
}

/** Stops one group after the other. A call that has begun is not given up, because the engine would go on with it: `signal` counts between groups. */
export async function stopItems(
  items: readonly StoppedItem[],
  context: StopContext,
  { signal }: CallOptions = {},
): Promise<StopEnd> {
  const stopped: StoppedItem[] = [];
  const notRunning: StoppedItem[] = [];
  const warnings: string[] = [];
  let problem: RunProblem | undefined;
  for (const group of new Set(items.map((item) => item.group))) {
    if (problem !== undefined) break;
    try {
      signal?.throwIfAborted();
    } catch (error) {
      problem = problemOf(error);
      break;
    }
    const members = items.filter((item) => item.group === group);
    await Promise.all(
      members.map(async (item) => {
        try {
          const { end, warning } = await stopItem(item, context);
          (end === 'stopped' ? stopped : notRunning).push(item);
          if (warning !== undefined) warnings.push(warning);
        } catch (error) {
          problem ??= problemOf(error);
        }
      }),
    );
  }
  return { stopped, notRunning, warnings, problem };
}

async function stopItem(
  { kind, id, name }: StoppedItem,
  { client, services, clock, timeout }: StopContext,
): Promise<{ readonly end: 'stopped' | 'not-running' | 'gone'; readonly warning?: string }> {
  if (kind === 'service') {
    const end = await services.scale(id, 0, Math.max(timeout, 300_000));
    return { end: end === 'gone' ? 'gone' : 'stopped' };
  }
  const begun = clock.monotonic();
  const end = await client.stop(id, timeout);
  if (end !== 'stopped' || clock.monotonic() - begun < timeout) return { end };
  return {
    end,
    warning: `The container "${name}" did not stop within ${formatDuration(timeout)} and was killed`,
  };
}
