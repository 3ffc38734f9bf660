import assert from 'node:assert/strict';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { emptyWorkDirectories } from './work-directory.ts';

let work = '';
before(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'work-directory-'));
});
after(() => rm(work, { recursive: true }));

describe('the directories of a task', () => {
  it('are made, emptied, and stay the directories that they are', async () => {
    const places = await emptyWorkDirectories(work, 'a');
    assert.deepEqual(places, {
      work,
      source: path.join(work, 'a/src'),
      target: path.join(work, 'a/dst'),
    });
    await mkdir(path.join(places.source, 'deep/er'), { recursive: true });
    await writeFile(path.join(places.source, 'deep/er/file'), 'x');
    await writeFile(path.join(work, 'outside'), 'precious');
    await symlink(path.join(work, 'outside'), path.join(places.target, 'link'));
    const { ino } = await lstat(places.source);
    await emptyWorkDirectories(work, 'a');
    assert.deepEqual([await readdir(places.source), await readdir(places.target)], [[], []]);
    assert.equal((await lstat(places.source)).ino, ino);
    assert.equal(await readFile(path.join(work, 'outside'), 'utf8'), 'precious');
  });

  it('are never links to other places, nor is what they are in', async () => {
    await mkdir(path.join(work, 'elsewhere/src'), { recursive: true });
    await writeFile(path.join(work, 'elsewhere/src/file'), 'precious');
    await symlink(path.join(work, 'elsewhere'), path.join(work, 'b'));
    await assert.rejects(emptyWorkDirectories(work, 'b'), {
      code: 'input/invalid',
      message: `"${path.join(work, 'b')}" is not a directory`,
    });
    for (const name of ['..', '.', 'a/b', ''])
      await assert.rejects(emptyWorkDirectories(work, name), { code: 'input/invalid' });
    assert.equal(await readFile(path.join(work, 'elsewhere/src/file'), 'utf8'), 'precious');
  });

  it('are told when they cannot be made', async () => {
    await writeFile(path.join(work, 'file'), '');
    await assert.rejects(emptyWorkDirectories(path.join(work, 'file'), 'c'), {
      code: 'process/failed',
      message: /^Cannot prepare the directories of the task "c": /u,
    });
  });

  it('are not emptied where something is mounted in them', async () => {
    const { source } = await emptyWorkDirectories(work, 'd');
    const volume = path.join(source, 'vol ume');
    await mkdir(volume);
    await writeFile(path.join(volume, 'file'), 'precious');
    const info = path.join(work, 'mountinfo');
    const line = (place: string): string =>
      `36 35 98:0 / ${place.replaceAll(' ', String.raw`\040`)} rw,noatime shared:1 - ext3 /dev/root rw\n`;
    await writeFile(info, line('/') + line(volume));
    await assert.rejects(emptyWorkDirectories(work, 'd', info), {
      code: 'input/invalid',
      message: `Something is mounted at "${volume}", which would be emptied`,
    });
    assert.equal(await readFile(path.join(volume, 'file'), 'utf8'), 'precious');
    // The directory itself may be one.
    await writeFile(info, line('/') + line(source));
    await emptyWorkDirectories(work, 'd', info);
    assert.deepEqual(await readdir(source), []);
  });
});
