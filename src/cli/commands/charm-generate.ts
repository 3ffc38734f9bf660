import { counted } from '../../base/counted.ts';
import { chmod, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { AppError, systemCodeOf } from '../../base/errors.ts';
import { fileReason } from '../../base/file-reason.ts';
import { makeDirectories } from '../../base/make-directories.ts';
import { charmFolder } from '../../configuration/charm/charm-folder.ts';
import type { CommandRun } from '../command.ts';
import type { charmGenerate } from '../definitions/charm.ts';

export const run: CommandRun<typeof charmGenerate> = async (input, session) => {
  const { output, workingDirectory, version } = session;
  const directory = path.resolve(workingDirectory, input.arguments.DIR);
  await mustBeEmpty(directory);
  const files = charmFolder(version);
  try {
    for (const { path: name, content, executable } of files) {
      const file = path.join(directory, name);
      await makeDirectories(path.dirname(file));
      await writeFile(file, content, { flag: 'wx' });
      // Whatever the umask says: Juju runs them.
      await chmod(file, executable ? 0o755 : 0o644);
    }
  } catch (cause) {
    throw new AppError('local/unwritable', `Cannot write the charm: ${fileReason(cause)}`, {
      cause,
    });
  }
  output.object({ type: 'charm', directory, files: files.map(({ path: name }) => name) });
  output.note(`Written to "${directory}": ${counted(files.length, 'file')}`);
  output.note('Attach the program as the resource "holdfast", or install it on the machines');
  return 0;
};

async function mustBeEmpty(directory: string): Promise<void> {
  try {
    if ((await readdir(directory)).length === 0) return;
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return;
    throw new AppError('local/unwritable', `Cannot write to "${directory}": ${fileReason(cause)}`, {
      cause,
    });
  }
  throw new AppError('local/unwritable', `"${directory}" is not empty`, {
    hint: 'Choose another directory, or remove what is in it',
  });
}
