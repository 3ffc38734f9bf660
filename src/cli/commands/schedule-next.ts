import type { CommandRun } from '../command.ts';
import type { scheduleNext } from '../definitions/schedule.ts';
import { openCatalogOf } from '../open-catalog.ts';
import { displayText } from '../output/display-text.ts';
import { assertJob, nextRunsOf, readJobSchedules } from '../schedule/job-schedules.ts';
import { zoneTime, zoneTimeIso } from '../schedule/zone-time.ts';

export const run: CommandRun<typeof scheduleNext> = async (input, session) => {
  const { output } = session;
  const names = input.arguments.JOB;
  await using catalog = await openCatalogOf(input.flags, session);
  const schedules = await readJobSchedules(catalog, session);
  for (const name of names) assertJob(schedules, name);
  const wanted = new Set(names);
  const count = input.flags.count ?? (names.length === 0 ? 1 : 5);
  const runs = schedules.entries
    .filter(({ job }) => wanted.size === 0 || wanted.has(job.name))
    .flatMap((entry) => nextRunsOf(schedules, entry, count).map((next) => ({ entry, ...next })))
    .sort((left, right) => left.at - right.at);
  for (const { entry, due, at } of runs) {
    const { timeZone, expression } = entry.schedule;
    output.object({
      type: 'scheduled-run',
      job: entry.job.name,
      activity: entry.activity,
      entry: entry.entry,
      at: zoneTimeIso(at, timeZone),
      due: zoneTimeIso(due, timeZone),
      timeZone,
      schedule: expression?.text,
      overdue: at < schedules.now,
    });
  }
  output.table(
    [{ title: 'When' }, { title: 'Job' }, { title: 'What' }, { title: 'Schedule' }, { title: '' }],
    runs.map(({ entry, at }) => [
      zoneTime(at, entry.schedule.timeZone),
      displayText(entry.job.name),
      entry.activity,
      displayText(entry.schedule.expression?.text ?? ''),
      at < schedules.now ? 'overdue' : '',
    ]),
  );
  if (runs.length === 0) output.note('Nothing is scheduled');
  return 0;
};
