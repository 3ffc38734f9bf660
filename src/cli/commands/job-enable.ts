import type { CommandRun } from '../command.ts';
import type { jobEnable } from '../definitions/job.ts';
import { switchJob } from '../jobs/switch-job.ts';

export const run: CommandRun<typeof jobEnable> = async ({ flags, arguments: { JOB } }, session) =>
  await switchJob(JOB, true, flags, session);
