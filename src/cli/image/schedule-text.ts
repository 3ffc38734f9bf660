import type { Job } from '../../model/job.ts';

/** When a job runs, in a few words. */
export function scheduleText(schedule: Job['schedule']): string {
  if (schedule === undefined) return 'by hand';
  if (typeof schedule === 'string') return schedule;
  if ('when' in schedule) return schedule.when;
  return schedule.map(scheduleText).join(', ');
}
