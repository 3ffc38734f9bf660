import { lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';

import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';

/** Where a task works. */
export interface TaskPlaces {
  /** Its steps begin here; shared by all tasks. */
  readonly work: string;
  readonly source: string;
  readonly target: string;
}

/**
 * The directories `src` and `dst` of a task, empty. What they held goes; links in them are removed, not followed, and nothing outside of them is touched. Each
 * stays the directory that it is, so it may be a mounted volume.
 *
 * @throws AppError `input/invalid` if they are not directories, or something is mounted inside them that would be emptied as well; `process/failed` if they cannot be emptied
 */
export async function emptyWorkDirectories(work: string, task: string): Promise<TaskPlaces> {
  if (!/^[\w.-]+$/u.test(task) || /^\.+$/u.test(task)) {
    throw new AppError('input/invalid', `"${task}" cannot be the name of a directory`);
  }
  const own = path.join(work, task);
  const places = { work, source: path.join(own, 'src'), target: path.join(own, 'dst') };
  try {
    await mkdir(work, { recursive: true });
    await beDirectory(own);
    for (const place of [places.source, places.target]) {
      await beDirectory(place);
      await refuseMounts(place);
      for (const name of await readdir(place)) {
        await rm(path.join(place, name), { recursive: true, force: true, maxRetries: 3 });
      }
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError(
      'process/failed',
      `Cannot empty the directories of the task "${task}": ${messageOf(cause)}`,
      { cause },
    );
  }
  return places;
}

/** Makes a directory that is not there; a link is not one. */
async function beDirectory(place: string): Promise<void> {
  try {
    await mkdir(place);
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
    if ((await lstat(place)).isDirectory()) return;
    throw new AppError('input/invalid', `"${place}" is not a directory`, {
      hint: 'It is emptied before each run of the task, so it may not be a link to another place; remove it',
    });
  }
}

async function refuseMounts(place: string): Promise<void> {
  const below = (await mountPoints()).find((mount) => mount.startsWith(`${place}/`));
  if (below === undefined) return;
  throw new AppError(
    'input/invalid',
    `Something is mounted at "${below}", which would be emptied`,
    {
      hint: `"${place}" is emptied before each run of the task; mount it elsewhere`,
    },
  );
}

/** As in proc(5), `mountinfo`; none where the system does not tell. */
async function mountPoints(): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile('/proc/self/mountinfo', 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    const point = line.split(' ')[4];
    if (point === undefined) return [];
    return [
      point.replaceAll(/\\([0-7]{3})/gu, (_, octal: string) =>
        String.fromCodePoint(Number.parseInt(octal, 8)),
      ),
    ];
  });
}
