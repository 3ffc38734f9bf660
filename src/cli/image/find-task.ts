import { didYouMean } from '../../base/did-you-mean.ts';
import { AppError } from '../../base/errors.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { TaskJob } from '../../model/job.ts';

/** All tasks, in the order of their ids: those of the environment, and those that the catalog holds. */
export async function allTasks(catalog: Catalog): Promise<readonly TaskJob[]> {
  const { jobs } = await catalog.configuration.read();
  return jobs
    .filter((job) => job.kind === 'task')
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** @throws AppError `job/missing` with the nearest id */
export async function findTask(catalog: Catalog, id: string): Promise<TaskJob> {
  const tasks = await allTasks(catalog);
  const task = tasks.find(({ name }) => name === id);
  if (task !== undefined) return task;
  const nearest = didYouMean(
    id,
    tasks.map(({ name }) => name),
  );
  throw new AppError('job/missing', `There is no task "${id}"`, {
    hint:
      nearest === undefined
        ? `Set TASK_${id}_LOAD to what it does; "holdfast task list" shows the others`
        : `Did you mean "${nearest}"?`,
  });
}
