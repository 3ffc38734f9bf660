import { taskSteps } from '../../model/job.ts';
import type { CommandRun } from '../command.ts';
import type { taskShow } from '../definitions/container.ts';
import { containerSession, openContainerCatalog } from '../image/container-session.ts';
import { findTask } from '../image/find-task.ts';
import { scheduleText } from '../image/schedule-text.ts';
import { displayText } from '../output/display-text.ts';

export const run: CommandRun<typeof taskShow> = async ({ flags, arguments: { ID } }, given) => {
  const container = await containerSession(given);
  const { output } = container.session;
  await using catalog = await openContainerCatalog(container, flags);
  const task = await findTask(catalog, ID);
  const { mask } = container;
  const steps = Object.fromEntries(
    taskSteps.flatMap((step) => {
      const code = task.steps[step];
      return code === undefined ? [] : [[step, mask.mask(code)]];
    }),
  );
  const schedule = scheduleText(task.schedule);
  output.object({
    type: 'task',
    id: task.name,
    schedule,
    restore: task.restore,
    shell: task.shell ?? 'strict',
    stepTimeout: task.stepTimeout,
    workDirectory: task.workDirectory,
    steps,
  });
  output.line(`Task: ${task.name}`);
  output.line(`When: ${schedule}`);
  if (task.restore !== undefined) output.line(`Restore: ${task.restore}_${task.name}.sh`);
  if (task.shell === 'plain') output.line('Shell: plain');
  if (task.stepTimeout !== undefined) output.line(`Each step at most: ${task.stepTimeout}`);
  for (const [step, code] of Object.entries(steps)) {
    output.line('');
    output.line(`${step}:`);
    for (const line of code.split('\n')) output.line(`  ${displayText(line)}`);
  }
  return 0;
};
