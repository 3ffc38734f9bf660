import type { CommandRun } from '../command.ts';
import type { jobDisable } from '../definitions/job.ts';
import { switchJob } from '../jobs/switch-job.ts';

export const run: CommandRun<typeof jobDisable> = async ({ flags, arguments: { JOB } }, session) =>
  await switchJob(JOB, false, flags, session);
