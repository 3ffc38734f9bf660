import { hasCode } from '../../base/errors.ts';
import type { RandomBytes } from '../../base/random.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** How often something is tried that may pass by itself: these times make about three days. */
const passing = { first: 30 * second, most: hour, attempts: 78 };
/** The same where somebody has to change something first. */
const refused = { first: 10 * minute, most: 6 * hour, attempts: 16 };

/**
 * When a report is tried again after a failure, in milliseconds from now; `undefined` when it is given up, after about three days. Each time twice as long, with up
 * to a fifth more by chance, so that not everything comes at once; at least as long as the other side asks for.
 *
 * @param attempts how often it was tried, this time included
 */
export function retryDelay(
  error: unknown,
  attempts: number,
  random: RandomBytes,
): number | undefined {
  const plan = hasCode(error, 'notify/failed') ? passing : refused;
  if (attempts >= plan.attempts) return undefined;
  const delay = Math.min(plan.most, plan.first * 2 ** (attempts - 1));
  const asked = hasCode(error) ? error.details['retryAfter'] : undefined;
  const least = typeof asked === 'number' ? Math.min(asked, 6 * hour) : 0;
  const [high = 0, low = 0] = random(2);
  return Math.round(Math.max(delay, least) * (1 + (0.2 * (high * 256 + low)) / 65_536));
}
