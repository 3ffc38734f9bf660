import { formatDuration } from '../../base/duration.ts';
import { nextRun, resolveSchedule, type ResolvedSchedule } from '../../model/schedule/schedule.ts';
import { periodOf } from '../../model/schedule/schedule-period.ts';
import type { CommandRun } from '../command.ts';
import type { scheduleExplain } from '../definitions/schedule.ts';
import { zoneTime, zoneTimeIso } from '../schedule/zone-time.ts';

export const run: CommandRun<typeof scheduleExplain> = (input, { output, clock, timeZone }) => {
  const text = input.arguments.EXPRESSION.join(' ');
  const schedule = resolveSchedule(text, {}, { timeZone: input.flags['time-zone'] ?? timeZone });
  const { expression } = schedule;
  const zone =
    (expression?.kind === 'calendar' ? expression.timeZone : undefined) ?? schedule.timeZone;
  const period = periodOf(schedule);
  const times = timesOf(schedule, clock.now(), input.flags.count ?? 5);
  output.object({
    type: 'schedule',
    expression: text,
    timeZone: zone,
    kind: expression?.kind ?? 'never',
    ...(expression?.kind === 'calendar' && { fixedHours: expression.fixedHours }),
    ...(period !== undefined && { longestGap: period / 1000 }),
    runs: times.map((time) => zoneTimeIso(time, zone)),
  });
  output.note(meaningOf(schedule));
  if (period !== undefined) output.note(`At most ${formatDuration(period)} between two runs`);
  for (const time of times) output.line(zoneTime(time, zone));
  if (times.length === 0 && expression !== undefined) output.note('It never runs any more');
  return Promise.resolve(0);
};

function timesOf(schedule: ResolvedSchedule, now: number, count: number): number[] {
  const times: number[] = [];
  for (let after = now; times.length < count;) {
    const next = nextRun(schedule, after, '');
    if (next === undefined) break;
    times.push(next);
    after = next;
  }
  return times;
}

function meaningOf({ expression }: ResolvedSchedule): string {
  if (expression === undefined) return 'Runs by hand only';
  if (expression.kind === 'interval') return 'Runs so long after the last time, whatever clocks do';
  return expression.fixedHours
    ? 'Runs at fixed hours: once for each time, also on the days on which the clocks change'
    : 'Runs whenever the clock shows a fitting time: twice where an hour comes twice';
}
