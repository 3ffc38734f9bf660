import { chmod, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { packageFile } from '../../base/program-files.ts';
import { writeFileAtomically } from '../../base/atomic-file.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { makeDirectories } from '../../base/make-directories.ts';
import { configurationFromEnvironment } from '../../configuration/environment/configuration-from-environment.ts';
import type { CliContext } from '../context.ts';
import { StreamWriter } from '../output/stream-writer.ts';

/** In every script, so that those of tasks that are gone can be told from what others have put there. */
const mark = '# Made by "holdfast image setup" from the environment; made anew at each start.';

/**
 * Makes what the containers of jobs and tasks have besides their schedules: `<CONF_TASKS_DIR>/<id>.sh` for each task, to be run by hand;
 * `<CONF_ETC_DIR>/cron.restore/<prefix>_<id>.sh` for each restore task; `<CONF_ETC_DIR>/periodic/<name>/jobrunner` for each periodicity of jobs. What is there from before
 * and is not wanted any more goes; a second time changes nothing.
 *
 * @throws AppError `input/invalid` for an environment that makes no sense: then nothing has changed; `local/unwritable`
 */
export async function setUpContainer(
  argv: readonly string[],
  context: CliContext,
): Promise<number> {
  if (argv.length > 0)
    throw new AppError('input/usage', `"image setup" takes no argument such as "${argv[0]!}"`);
  const { environment, signal } = context;
  const { configuration, warnings } = await configurationFromEnvironment(environment, { signal });
  const told = new StreamWriter(context.stderr);
  for (const warning of warnings) told.write(`Warning: ${warning}\n`);
  const tasksDirectory = environment['CONF_TASKS_DIR'] || '/tasks';
  const etc = environment['CONF_ETC_DIR'] || '/etc';
  const launcher = fileURLToPath(packageFile('bin/holdfast'));
  const tasks = configuration.jobs.filter(({ kind }) => kind === 'task');
  try {
    await makeScripts(
      tasksDirectory,
      new Map(tasks.map(({ name }) => [`${name}.sh`, taskScript(launcher, name)])),
    );
    const restores = new Map(
      tasks.flatMap((task) =>
        task.kind === 'task' && task.restore !== undefined
          ? [[`${task.restore}_${task.name}.sh`, path.resolve(tasksDirectory, `${task.name}.sh`)]]
          : [],
      ),
    );
    await makeLinks(path.join(etc, 'cron.restore'), restores, (target) =>
      target.startsWith(`${path.resolve(tasksDirectory)}/`),
    );
    const periodic = path.join(etc, 'periodic');
    for (const { kind, name } of configuration.jobs) {
      if (kind !== 'commands') continue;
      await makeLinks(
        path.join(periodic, name),
        new Map([['jobrunner', launcher]]),
        (target) => target === launcher,
      );
    }
    const names = new Set(configuration.jobs.map(({ name }) => name));
    for (const name of await namesIn(periodic)) {
      if (!names.has(name))
        await makeLinks(path.join(periodic, name), new Map(), (target) => target === launcher);
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('local/unwritable', `Cannot set the container up: ${messageOf(cause)}`, {
      cause,
    });
  }
  await told.flush();
  return 0;
}

/** By bash, which tasks need anyway: other shells drop the variables of a task such as `my-db`. */
const taskScript = (launcher: string, name: string): string =>
  `#!/usr/bin/env bash\n${mark}\nexec '${launcher.replaceAll("'", `'\\''`)}' task run '${name}' "$@"\n`;

async function makeScripts(directory: string, scripts: ReadonlyMap<string, string>): Promise<void> {
  if (scripts.size > 0) await makeDirectories(directory);
  for (const name of await namesIn(directory)) {
    if (!name.endsWith('.sh') || scripts.has(name)) continue;
    const file = path.join(directory, name);
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text.includes(`\n${mark}\n`)) await rm(file);
  }
  for (const [name, text] of scripts) {
    const file = path.join(directory, name);
    if ((await readFile(file, 'utf8').catch(() => undefined)) !== text)
      await writeFileAtomically(file, Buffer.from(text));
    await chmod(file, 0o775);
  }
}

/** Makes the links of a directory; of those that are there before, it takes away ours only. */
async function makeLinks(
  directory: string,
  links: ReadonlyMap<string, string>,
  isOurs: (target: string) => boolean,
): Promise<void> {
  if (links.size > 0) await makeDirectories(directory);
  for (const name of await namesIn(directory)) {
    const link = path.join(directory, name);
    const target = await readlink(link).catch(() => undefined);
    if (target === undefined || target === links.get(name)) continue;
    if (isOurs(target) || links.has(name)) await rm(link);
  }
  for (const [name, target] of links) {
    const link = path.join(directory, name);
    const found = await readlink(link).catch((error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw new AppError('local/unwritable', `"${link}" is there already, and is no link`);
    });
    if (found === undefined) await symlink(target, link);
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
