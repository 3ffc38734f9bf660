import { open } from 'node:fs/promises';
import path from 'node:path';

import { AppError, systemCodeOf } from '../../base/errors.ts';
import { fileReason } from '../../base/file-reason.ts';
import { firstConfiguration } from '../../configuration/first-configuration.ts';
import { parseSchedule } from '../../configuration/configuration-schema.ts';
import type { CommandRun } from '../command.ts';
import type { configGenerate } from '../definitions/configuration.ts';

export const run: CommandRun<typeof configGenerate> = async (input, session) => {
  const { flags } = input;
  const { output, workingDirectory } = session;
  const sources = input.arguments.SOURCE.map((source) => path.resolve(workingDirectory, source));
  const schedule = flags.schedule ?? 'daily';
  parseSchedule(schedule);
  const text = firstConfiguration({
    name: flags.name ?? nameFor(sources),
    sources: sources.length === 0 ? ['/home', '/etc'] : sources,
    destination: flags.destination ?? 'sftp://backup@nas.example.org/backups/this-host',
    schedule,
    exclude: flags.exclude.length === 0 ? ['.cache/'] : flags.exclude,
  });
  if (flags.output === undefined) {
    output.object({ type: 'configuration', text });
    output.line(text.trimEnd());
    return 0;
  }
  const file = path.resolve(workingDirectory, flags.output);
  await writeNew(file, text);
  output.object({ type: 'configuration', file });
  output.note(`Written to "${file}"`);
  output.note(
    `Next: put a passphrase into the file that it names, then "holdfast config validate --secrets ${flags.output}"`,
  );
  return 0;
};

const nameFor = ([first, ...others]: readonly string[]): string => {
  // Names are typed again and again, and count as they are written.
  const name =
    first === undefined
      ? ''
      : path
          .basename(first)
          .toLowerCase()
          .replaceAll(/[^a-z0-9._-]/gu, '-');
  return others.length === 0 && /^[a-z0-9]/u.test(name) ? name.slice(0, 100) : 'files';
};

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await using handle = await open(file, 'wx', 0o600);
    await handle.writeFile(text);
  } catch (cause) {
    const isThere = systemCodeOf(cause) === 'EEXIST';
    throw new AppError(
      'local/unwritable',
      isThere ? `"${file}" is there already` : `Cannot write "${file}": ${fileReason(cause)}`,
      { cause, ...(isThere && { hint: 'Choose another name, or remove it' }) },
    );
  }
}
