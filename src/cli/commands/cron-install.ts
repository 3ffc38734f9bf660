import path from 'node:path';

import { cronMark } from '../../service/units/cron-file.ts';
import { writeGenerated } from '../../service/units/generated-files.ts';
import type { CommandRun } from '../command.ts';
import type { cronInstall } from '../definitions/units.ts';
import { defaultCronFile, wantedCronFile } from '../units/wanted-cron-file.ts';

export const run: CommandRun<typeof cronInstall> = async (input, session) => {
  const { output, workingDirectory, signal } = session;
  const file = path.resolve(workingDirectory, input.flags.output ?? defaultCronFile);
  const text = await wantedCronFile(input, session);
  const name = path.basename(file);
  await writeGenerated(path.dirname(file), [{ name, text }], cronMark, { signal });
  output.object({ type: 'cron-file', file, text });
  output.line(`Written: ${file}`);
  if (!/^[\w-]+$/u.test(name))
    output.note(
      `Debian's cron leaves out files with a name such as "${name}": use letters, digits, "_" and "-"`,
    );
  return 0;
};
