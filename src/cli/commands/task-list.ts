import { taskSteps } from '../../model/job.ts';
import type { CommandRun } from '../command.ts';
import type { taskList } from '../definitions/container.ts';
import { containerSession, openContainerCatalog } from '../image/container-session.ts';
import { allTasks } from '../image/find-task.ts';
import { scheduleText } from '../image/schedule-text.ts';

export const run: CommandRun<typeof taskList> = async ({ flags }, given) => {
  const container = await containerSession(given);
  const { output } = container.session;
  await using catalog = await openContainerCatalog(container, flags);
  const tasks = await allTasks(catalog);
  const rows = tasks.map((task) => {
    const steps = taskSteps.filter((step) => task.steps[step] !== undefined);
    const { name, restore } = task;
    const schedule = scheduleText(task.schedule);
    output.object({ type: 'task', id: name, schedule, steps, restore });
    return [name, schedule, restore ?? '', steps.join(' ')];
  });
  if (rows.length === 0) output.line('There are no tasks');
  output.table(
    [{ title: 'Task' }, { title: 'When' }, { title: 'Restore' }, { title: 'Steps' }],
    rows,
  );
  return 0;
};
