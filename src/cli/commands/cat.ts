import { AppError } from '../../base/errors.ts';
import { splitSnapshotPath } from '../../model/snapshot-selector.ts';
import { chooseSnapshot } from '../choose-snapshot.ts';
import type { CommandRun } from '../command.ts';
import type { cat } from '../definitions/looking.ts';
import { pathIn } from '../meant-path.ts';
import { openView } from '../open-view.ts';
import { operationContext } from '../operation-context.ts';
import { StreamWriter } from '../output/stream-writer.ts';

export const run: CommandRun<typeof cat> = async (input, session) => {
  if (session.output.json) {
    throw new AppError('input/usage', 'The content of a file cannot be printed as JSON', {
      hint: 'Leave --json out; "holdfast ls --json" tells about the file',
    });
  }
  const { snapshot: selector, path } = splitSnapshotPath(input.arguments['SNAPSHOT:PATH']);
  if (path === undefined || path === '') {
    throw new AppError('input/usage', 'It is not said which file to print', {
      hint: 'Write SNAPSHOT:PATH, as in latest:letters/2026.txt',
    });
  }
  await using view = await openView(input.arguments.URL, input.flags, session);
  const snapshot = chooseSnapshot(view.snapshots, selector, session);
  const context = operationContext(session);
  const content = view.read(snapshot, (await pathIn(view, snapshot, path, context))!, context);
  const writer = new StreamWriter(session.stdout);
  for await (const piece of content) {
    if (writer.closed) break;
    // A copy: the piece is good only until the next one, and a pipe may take its time.
    writer.write(Buffer.from(piece));
    await writer.flush();
  }
  return 0;
};
