import { lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';

import type { Clock } from '../../base/clock.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { makeDirectories } from '../../base/make-directories.ts';
import { acquireInstanceLock, type InstanceLock } from '../instance-lock.ts';

/** Where a task works. */
export interface TaskPlaces {
  /** Its steps begin here; shared by all tasks. */
  readonly work: string;
  readonly source: string;
  readonly target: string;
}

/**
 * Sees to it that no other process runs a task there: two would empty each other's directories.
 *
 * @throws AppError `job/busy`; `input/invalid` and `process/failed` as `emptyWorkDirectories`
 */
export async function lockWorkDirectory(
  work: string,
  task: string,
  clock: Clock,
): Promise<InstanceLock> {
  return await inDirectories(task, async () => {
    const directory = await ownDirectory(work, task);
    return await acquireInstanceLock({ directory, name: `task ${task}`, mode: 'fail', clock });
  });
}

/**
 * The directories `src` and `dst` of a task, empty. What they held goes; links in them are removed, not followed, and nothing outside of them is touched. Each
 * stays the directory that it is, so it may be a mounted volume.
 *
 * @param mountInfo where the system tells what is mounted, as in proc(5)
 * @throws AppError `input/invalid` if they are not directories, or something is mounted inside them that would be emptied as well; `process/failed` if they cannot be emptied
 */
export async function emptyWorkDirectories(
  work: string,
  task: string,
  mountInfo = '/proc/self/mountinfo',
): Promise<TaskPlaces> {
  return await inDirectories(task, async () => {
    const own = await ownDirectory(work, task);
    const places = { work, source: path.join(own, 'src'), target: path.join(own, 'dst') };
    for (const place of [places.source, places.target]) {
      await beDirectory(place);
      await refuseMounts(place, mountInfo);
      for (const name of await readdir(place)) {
        await rm(path.join(place, name), { recursive: true, force: true, maxRetries: 3 });
      }
    }
    return places;
  });
}

async function ownDirectory(work: string, task: string): Promise<string> {
  if (!/^[\w.-]+$/u.test(task) || /^\.+$/u.test(task)) {
    throw new AppError('input/invalid', `"${task}" cannot be the name of a directory`);
  }
  const own = path.join(work, task);
  await makeDirectories(work);
  await beDirectory(own);
  return own;
}

async function inDirectories<Result>(task: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError(
      'process/failed',
      `Cannot prepare the directories of the task "${task}": ${messageOf(cause)}`,
      { cause },
    );
  }
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

async function refuseMounts(place: string, mountInfo: string): Promise<void> {
  const below = (await mountPoints(mountInfo)).find((mount) => mount.startsWith(`${place}/`));
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
async function mountPoints(mountInfo: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(mountInfo, 'utf8');
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
