import { AppError } from '../../base/errors.ts';
import { mainActivityOf } from '../../model/schedule/schedule-entries.ts';
import type { CommandRun } from '../command.ts';
import type { scheduleSkip } from '../definitions/schedule.ts';
import { openCatalogOf } from '../open-catalog.ts';
import { assertJob, nextRunsOf, readJobSchedules } from '../schedule/job-schedules.ts';
import { zoneTime, zoneTimeIso } from '../schedule/zone-time.ts';

export const run: CommandRun<typeof scheduleSkip> = async (input, session) => {
  const { output, signal } = session;
  const name = input.arguments.JOB;
  const count = input.flags.count ?? 1;
  await using catalog = await openCatalogOf(input.flags, session);
  const schedules = await readJobSchedules(catalog, session);
  assertJob(schedules, name);
  const job = schedules.configuration.jobs.find((candidate) => candidate.name === name)!;
  const activity = input.flags.activity ?? mainActivityOf(job);
  const entries = schedules.entries.filter(
    (entry) => entry.job.name === name && entry.activity === activity,
  );
  if (entries.length === 0) {
    throw new AppError('input/invalid', `The job "${name}" has no schedule for "${activity}"`, {
      hint: 'It runs by hand only, or is switched off',
    });
  }
  // The next ones of all schedules of the job together.
  const upcoming = entries
    .flatMap((entry) =>
      nextRunsOf(schedules, entry, count + 1, { withSkipped: true }).map((next) => ({
        entry,
        ...next,
      })),
    )
    .sort((left, right) => left.at - right.at);
  const left = upcoming.slice(0, count);
  const unknown = entries.map(({ entry }) => entry).filter((entry) => !schedules.states.has(entry));
  await catalog.schedules.begin(unknown, schedules.now, { signal });
  for (const { entry } of entries) {
    const own = left.filter((one) => one.entry.entry === entry).length;
    await catalog.schedules.skipNext(entry, own, { signal });
  }
  for (const { entry, at } of left) {
    output.object({
      type: 'left-out',
      job: name,
      activity,
      entry: entry.entry,
      at: zoneTimeIso(at, entry.schedule.timeZone),
    });
    output.line(`Left out: ${zoneTime(at, entry.schedule.timeZone)}`);
  }
  const next = upcoming[count];
  if (next === undefined) output.note('No run follows');
  else output.note(`The next run is at ${zoneTime(next.at, next.entry.schedule.timeZone)}`);
  return 0;
};
