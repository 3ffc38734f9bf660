import { open } from 'node:fs/promises';
import path from 'node:path';

import { AppError } from '../../base/errors.ts';
import { fileReason } from '../../base/file-reason.ts';
import { recoveryCode, recoverySheet } from '../../repository/native/keys/recovery-sheet.ts';
import type { CommandRun } from '../command.ts';
import type { keyExport } from '../definitions/repository.ts';
import { unlockDestination } from '../unlock-destination.ts';

export const run: CommandRun<typeof keyExport> = async (input, session) => {
  const { output, workingDirectory } = session;
  await using destination = await unlockDestination(input.arguments.URL, input.flags, session);
  const { ring } = destination.unlocked;
  const sheet = await recoverySheet(ring);
  if (input.flags.output === undefined) {
    output.line(sheet);
    output.object({ type: 'recovery-sheet', code: recoveryCode(ring), sheet });
    return 0;
  }
  const file = path.resolve(workingDirectory, input.flags.output);
  await writeNew(file, sheet);
  output.object({ type: 'recovery-sheet', file });
  output.note(`Wrote the recovery sheet to "${file}": print it, lock it away, delete the file`);
  return 0;
};

/** Never over something that is there, and never readable by others, not even for a moment. */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    await using handle = await open(file, 'wx', 0o600);
    await handle.writeFile(text.endsWith('\n') ? text : `${text}\n`);
    await handle.sync();
  } catch (cause) {
    throw new AppError('target/unwritable', `Cannot write "${file}": ${fileReason(cause)}`, {
      cause,
      hint: 'Choose another file with --output',
    });
  }
}
