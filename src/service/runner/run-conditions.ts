import { conditionRetry, checkConditions } from '../scheduler/conditions/check-conditions.ts';
import type { Clock } from '../../base/clock.ts';
import { resolveSecret, type SecretContext } from '../../configuration/resolve-secret.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { Job } from '../../model/job.ts';
import { meantDestination } from '../../model/named-destination.ts';

/** What the conditions of a job say to a run. */
export type ConditionVerdict =
  | { readonly kind: 'met' }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'postpone'; readonly reason: string; readonly notBefore: number };

/** Whether a run that its schedule wants may begin now. */
export async function conditionsOf(
  job: Job,
  configuration: Configuration,
  {
    where,
    clock,
    signal,
  }: { readonly where: SecretContext; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<ConditionVerdict> {
  const { conditions } = job;
  if (conditions === undefined) return { kind: 'met' };
  const result = await checkConditions(job, {
    destinations:
      conditions.destinationPresent === true
        ? await addresses(job, configuration, where, signal)
        : [],
    environment: where.environment,
    signal,
  });
  if (result.holds) return { kind: 'met' };
  const { reason } = result;
  if (conditions.otherwise !== 'postpone') return { kind: 'skip', reason };
  return { kind: 'postpone', reason, notBefore: clock.now() + conditionRetry };
}

/** Where the destinations of a job are. One that cannot be found out makes the run itself fail, with words. */
async function addresses(
  job: Job,
  configuration: Configuration,
  where: SecretContext,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const destination of job.kind === 'backup' ? job.destinations : []) {
    try {
      const { url } = meantDestination(destination, configuration);
      found.push(
        (await resolveSecret(url, where, 'the URL of a destination', { signal })).reveal(),
      );
    } catch {
      signal.throwIfAborted();
    }
  }
  return found;
}
