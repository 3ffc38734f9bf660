import type { CommandRun } from '../command.ts';
import type { taskRun } from '../definitions/container.ts';
import {
  containerExitStatus,
  containerSession,
  openContainerCatalog,
  runInContainer,
} from '../image/container-session.ts';
import { findTask } from '../image/find-task.ts';
import { displayText } from '../output/display-text.ts';

export const run: CommandRun<typeof taskRun> = async ({ flags, arguments: { ID } }, given) => {
  const container = await containerSession(given);
  const { session } = container;
  await using catalog = await openContainerCatalog(container, flags);
  const task = await findTask(catalog, ID);
  const over = await runInContainer(task, {}, catalog, flags, session);
  if (over.reason !== undefined) session.output.note(displayText(over.reason));
  const compatible = /^(?:1|true)$/iu.test(session.environment['COMPAT_EXIT_ZERO'] ?? '');
  return compatible ? 0 : containerExitStatus(over);
};
