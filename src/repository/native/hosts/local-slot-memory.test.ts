import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import type { AppError } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { localSlotMemory } from './local-slot-memory.ts';

test('remembers a slot for each repository, and only reports when it cannot', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-state-'));
  try {
    const reports: AppError[] = [];
    const memory = localSlotMemory(directory, systemRandom, (error) => reports.push(error));
    const [one, two] = [systemRandom(16), systemRandom(16)];
    const slot = { id: 'a'.repeat(32), stretching: undefined };
    await memory.set(one, slot);
    assert.deepEqual(await memory.get(one), slot);
    assert.equal(await memory.get(two), undefined);
    assert.equal(reports.length, 0);
    const blocked = join(directory, 'file');
    await writeFile(blocked, '');
    const broken = localSlotMemory(blocked, systemRandom, (error) => reports.push(error));
    assert.equal(await broken.get(one), undefined);
    await broken.set(one, slot);
    assert.equal(reports.length, 2);
    assert.equal(reports[0]?.code, 'local/unwritable');
  } finally {
    await rm(directory, { recursive: true });
  }
});
