import type { Activity, NoticeEvent } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';

const activityWords: Readonly<Record<Activity, string>> = {
  backup: 'backup',
  retention: 'clean-up',
  check: 'check',
  drill: 'restore drill',
  restore: 'restore',
  task: 'task',
  commands: 'commands',
};

const outcomeWords: Readonly<Partial<Record<Run['state'], string>>> = {
  succeeded: 'succeeded',
  warned: 'succeeded with warnings',
  failed: 'failed',
  skipped: 'skipped',
  cancelled: 'cancelled',
  broken: 'broke off',
};

/** The one line of a report: `documents: backup failed`. */
export function reportTitle(
  job: string,
  event: NoticeEvent,
  activity: Activity,
  state: Run['state'] | undefined,
): string {
  const what = activityWords[activity];
  if (event === 'started') return `${job}: ${what} started`;
  if (event === 'missed') return `${job}: no success of ${what} in time`;
  if (event === 'recovered') {
    return `${job}: ${what} works again${state === 'warned' ? ', with warnings' : ''}`;
  }
  return `${job}: ${what} ${(state === undefined ? undefined : outcomeWords[state]) ?? event}`;
}
