import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { ownMachine } from './own-machine.ts';

test('a lost or damaged "holdfast" is named, and written again byte for byte', async () => {
  await using machine = await ownMachine();
  await machine.write({ 'a.txt': 'one' });
  const [source, repository, sheet] = ['source', 'repository', 'sheet.txt'].map((name) =>
    machine.of(name),
  ) as [string, string, string];
  assert.equal((await machine.run('backup', source, repository)).status, 0);
  assert.equal((await machine.run('key', 'export', repository, '--output', sheet)).status, 0);
  const file = machine.of('repository/holdfast');
  const original = await readFile(file);
  const losses: readonly [() => Promise<void>, string[]][] = [
    [() => rm(file), []],
    [() => writeFile(file, ''), []],
    [() => writeFile(file, original.toString().replace('"suite": 1', '"suite":  1')), []],
    // Last, because nothing brings the slots back: the sheet alone is enough.
    [
      async () => {
        await rm(file);
        await rm(machine.of('repository/keys'), { recursive: true });
      },
      ['--recovery-sheet', sheet],
    ],
  ];
  for (const [lose, flags] of losses) {
    await lose();
    for (const command of [['snapshots'], ['init'], ['backup', source]]) {
      const ran = await machine.run(...command, repository);
      assert.equal(ran.status, 13, ran.stderr.text);
      assert.match(ran.stderr.text, /^hint: .*"holdfast check --repair" writes it again/mu);
    }
    const dry = await machine.run('check', repository, '--repair', '--dry-run', ...flags);
    assert.equal(dry.status, 13, dry.stderr.text);
    assert.match(dry.stdout.text, /To repair: Write "holdfast" again/u);
    assert.notDeepEqual(await readFile(file).catch(() => undefined), original);
    const repaired = await machine.run('check', repository, '--repair', '--yes', ...flags);
    assert.equal(repaired.status, 0, repaired.stderr.text);
    assert.deepEqual(await readFile(file), original);
    assert.equal((await machine.run('check', repository, ...flags)).status, 0);
  }
});

test('keys of another repository write no "holdfast"', async () => {
  await using machine = await ownMachine();
  await machine.write({ 'a.txt': 'one' });
  const [source, sheet] = [machine.of('source'), machine.of('sheet.txt')];
  for (const name of ['one', 'other']) {
    assert.equal((await machine.run('backup', source, machine.of(name))).status, 0);
  }
  const exported = await machine.run('key', 'export', machine.of('other'), '--output', sheet);
  assert.equal(exported.status, 0);
  await rm(machine.of('one/holdfast'));
  const flags = ['--repair', '--yes', '--recovery-sheet', sheet];
  const ran = await machine.run('check', machine.of('one'), ...flags);
  assert.equal(ran.status, 12, ran.stderr.text);
  assert.match(ran.stderr.text, /The recovery sheet does not belong to the repository/u);
  await assert.rejects(readFile(machine.of('one/holdfast')), /ENOENT/u);
});
