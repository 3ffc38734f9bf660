import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { CheckScene } from '#test/support/check-scene.ts';

import { systemRandom } from '../base/random.ts';
import { changeSettings } from '../repository/native/keys/change-settings.ts';
import { listSnapshots } from '../repository/native/reader/snapshot-list.ts';

describe('settings', () => {
  const foreign = 'settings/7-00112233445566778899aabbccddeeff';

  test('that are damaged keep nobody from reading and backing up, but from removing', async () => {
    await using scene = await CheckScene.make();
    await scene.storage.put(foreign, systemRandom(348));
    const id = await scene.backUp();
    await using repository = await scene.open(scene.usual);
    assert.equal((await listSnapshots(repository.access)).snapshots.length, 2);
    assert.match(repository.problems[0]!.message, /settings\/7-/u);
    await assert.rejects(scene.forget(id), /settings that say what has to be kept/u);
    await assert.rejects(scene.prune(), /settings that say what has to be kept/u);
    const { errors } = await scene.check();
    assert.equal(errors.length, 1);
    assert.deepEqual(await scene.repair(), ['remove-damaged']);
    assert.deepEqual((await scene.check()).result.findings, []);
    await scene.forget(id);
  });

  test('that are damaged keep somebody from removing only if they may be the newest', async () => {
    await using scene = await CheckScene.make();
    const id = await scene.backUp();
    const [counting] = await scene.names('settings/');
    assert.ok(counting?.startsWith('settings/1-'));
    await scene.storage.put(foreign.replace('/7-', '/1-'), systemRandom(348));
    await assert.rejects(scene.forget(id), /settings that say what has to be kept/u);
    await scene.storage.delete(foreign.replace('/7-', '/1-'));
    await scene.storage.put(foreign.replace('/7-', '/0-'), systemRandom(348));
    await scene.forget(id);
  });

  test('that are all gone are noticed, and written again', async () => {
    await using scene = await CheckScene.make();
    await scene.storage.delete(await scene.only('settings/'));
    assert.match((await scene.check()).errors.join(), /no settings that count/u);
    assert.deepEqual(await scene.repair(), ['write-settings']);
    assert.deepEqual((await scene.check()).result.findings, []);
  });

  test('of which the newest are gone are noticed, and those that count are written anew', async () => {
    await using scene = await CheckScene.make();
    const first = await scene.only('settings/');
    const change = async (changes: { keepLast?: number; keepDays?: number }): Promise<void> => {
      await using repository = await scene.open(scene.usual);
      await changeSettings(repository.access, changes);
    };
    await change({ keepLast: 5 });
    await change({ keepDays: 9 });
    await scene.backUp();
    const [newest] = await scene.names('settings/3-');
    await scene.storage.delete(newest!);
    assert.match((await scene.check()).result.findings[0]!.message, /newer ones are gone/u);
    assert.deepEqual(await scene.repair(), ['write-settings']);
    assert.deepEqual((await scene.check()).result.findings, []);
    await using repository = await scene.open(scene.usual);
    const { number, keepLast, keepDays } = repository.access.settings;
    assert.deepEqual({ number, keepLast, keepDays }, { number: 4, keepLast: 5, keepDays: 7 });
    assert.ok((await scene.names('settings/')).includes(first));
  });
});
