import path from 'node:path';

import { cronMark } from '../../service/units/cron-file.ts';
import { findGenerated, removeGenerated } from '../../service/units/generated-files.ts';
import type { CommandRun } from '../command.ts';
import type { cronRemove } from '../definitions/units.ts';
import { defaultCronFile } from '../units/wanted-cron-file.ts';

export const run: CommandRun<typeof cronRemove> = async (
  { flags },
  { output, workingDirectory },
) => {
  const file = path.resolve(workingDirectory, flags.output ?? defaultCronFile);
  const directory = path.dirname(file);
  const generated = await findGenerated(directory, /./u, cronMark);
  const removed = generated.filter((name) => name === path.basename(file));
  await removeGenerated(directory, removed);
  output.object({ type: 'cron-file', file, removed: removed.length > 0 });
  if (removed.length > 0) output.line(`Removed: ${file}`);
  else output.note(`"${file}" is not a file of this command`);
  return 0;
};
