import { didYouMean } from '../../base/did-you-mean.ts';
import { formatDuration } from '../../base/duration.ts';
import { AppError } from '../../base/errors.ts';
import type { TaskJob } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';
import type { CommandRun } from '../command.ts';
import type { executeRestore } from '../definitions/container.ts';
import {
  containerSession,
  openContainerCatalog,
  runInContainer,
} from '../image/container-session.ts';
import { allTasks } from '../image/find-task.ts';
import { displayText } from '../output/display-text.ts';
import type { CommandSession } from '../session.ts';

type RestoreTask = TaskJob & { readonly restore: string };

/** The name of its script; they run in the order of these. */
const fileName = ({ restore, name }: RestoreTask): string => `${restore}_${name}.sh`;

export const run: CommandRun<typeof executeRestore> = async ({ flags }, given) => {
  const container = await containerSession(given);
  const { session } = container;
  const { output } = session;
  await using catalog = await openContainerCatalog(container, flags);
  const tasks = chosen(restoreTasks(await allTasks(catalog)), flags.only);
  if (flags.list || flags['dry-run']) {
    for (const task of tasks) {
      output.object({ type: 'restore-task', id: task.name, file: fileName(task) });
      output.line(`${flags['dry-run'] ? 'Would run ' : ''}${fileName(task)}`);
    }
    return 0;
  }
  const done = new Map<RestoreTask, Run>();
  for (const task of tasks) {
    const over = await runInContainer(task, {}, catalog, flags, session);
    done.set(task, over);
    if (over.state !== 'succeeded' && over.state !== 'warned') break;
  }
  tell(tasks, done, session);
  const isGood = tasks.every((task) =>
    ['succeeded', 'warned'].includes(done.get(task)?.state ?? ''),
  );
  return isGood ? 0 : 1;
};

function restoreTasks(tasks: readonly TaskJob[]): readonly RestoreTask[] {
  const found = tasks.filter((task): task is RestoreTask => task.restore !== undefined);
  if (found.length === 0) {
    throw new AppError('job/missing', 'There is no restore task', {
      hint: 'Set TASK_<id>_RESTORE to what its place in the order is, such as 10',
    });
  }
  return found.toSorted((one, other) => (fileName(one) < fileName(other) ? -1 : 1));
}

function chosen(tasks: readonly RestoreTask[], only: readonly string[]): readonly RestoreTask[] {
  if (only.length === 0) return tasks;
  const names = (task: RestoreTask): readonly string[] => [
    task.name,
    fileName(task),
    fileName(task).replace(/\.sh$/u, ''),
  ];
  const known = tasks.flatMap(names);
  for (const name of only) {
    if (known.includes(name)) continue;
    const nearest = didYouMean(name, known);
    throw new AppError('input/usage', `There is no restore task "${name}"`, {
      hint:
        nearest === undefined
          ? '"holdfast execute-restore --list" shows all'
          : `Did you mean "${nearest}"?`,
    });
  }
  return tasks.filter((task) => names(task).some((name) => only.includes(name)));
}

function tell(
  tasks: readonly RestoreTask[],
  done: ReadonlyMap<RestoreTask, Run>,
  { output }: CommandSession,
): void {
  output.table(
    [
      { title: 'Restore' },
      { title: 'Outcome' },
      { title: 'Took', align: 'right' },
      { title: 'Problem' },
    ],
    tasks.map((task) => {
      const over = done.get(task);
      const took =
        over?.startedAt === undefined || over.finishedAt === undefined
          ? ''
          : formatDuration(over.finishedAt - over.startedAt);
      const outcome = over?.state ?? 'not run';
      output.object({ type: 'restore-task', id: task.name, file: fileName(task), outcome });
      return [fileName(task), outcome, took, displayText(over?.reason ?? '')];
    }),
  );
}
