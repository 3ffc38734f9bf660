import { identifyProcess } from '../../base/process-identity.ts';
import type { StoppedContainers } from './stopped-containers.ts';

/** Milliseconds between attempts to start what would not, and for how long that goes on. */
const longestPause = 3_600_000;
const longestTrying = 86_400_000;

/** What has to be tried again, later each time; nothing when all has started, or after a day: then somebody means it to be off. */
export function afterFailure(
  stopped: StoppedContainers,
  now: number,
): StoppedContainers | undefined {
  const { items, attempts, stoppedAt } = stopped;
  if (items.length === 0 || (attempts > 0 && now - stoppedAt > longestTrying)) return undefined;
  const pause = Math.min(60_000 * 2 ** attempts, longestPause);
  return {
    ...stopped,
    ranCommands: false,
    process: identifyProcess(),
    attempts: attempts + 1,
    notBefore: now + pause,
  };
}
