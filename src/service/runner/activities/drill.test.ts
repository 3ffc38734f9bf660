import assert from 'node:assert/strict';
import { chmod, mkdir, open, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { type TestRunner, testRunner } from '#test/support/runner.ts';
import type { BackupJob } from '../../../model/job.ts';

async function prepared(more: Partial<BackupJob> = {}): Promise<TestRunner> {
  const runner = await testRunner();
  await mkdir(runner.place('source/sub'), { recursive: true });
  await mkdir(runner.place('sandbox'));
  for (let count = 0; count < 12; count++) {
    await writeFile(runner.place('source', 'sub', `file [${count}]`), `${count}`.repeat(2000));
  }
  await runner.configure([
    {
      kind: 'backup',
      name: 'documents',
      sources: [runner.place('source')],
      destinations: [{ url: runner.place('repository'), unencrypted: true }],
      drill: { schedule: 'weekly', files: 8, directory: runner.place('sandbox') },
      ...more,
    },
  ]);
  return runner;
}

test('a drill restores a sample and compares it with the receipt of the backup', async () => {
  await using runner = await prepared();
  const backup = await runner.run('documents');
  assert.equal(backup.state, 'succeeded', backup.reason);
  const receipt = backup.steps.find(({ name }) => name === 'receipt');
  assert.match(receipt?.output ?? '', /^(?:[0-9a-f]{64} {2}sub\/file \[\d+\]\n){12}$/u);
  const run = await runner.run('documents', 'drill');
  assert.equal(run.state, 'succeeded', JSON.stringify(run.steps));
  const compared = run.steps.find(({ name }) => name === 'compare');
  const { snapshot, files, bytes, details } = compared?.counters ?? {};
  assert.equal(snapshot, backup.steps[0]?.counters?.snapshot);
  assert.equal(files, 8);
  assert.ok((bytes ?? 0) >= 8 * 2000);
  assert.equal(details?.['compared'], 8);
  assert.ok(Number(details['proven']) >= 4, 'content of those in the receipt');
  assert.equal(details['filesInSnapshot'], 12);
  assert.deepEqual(await readdir(runner.place('sandbox')), []);
  assert.deepEqual(await runner.catalog.journal.list(), []);
  const history = await runner.catalog.runs.history('documents', 'drill');
  assert.equal(history?.lastSuccess?.id, run.id);

  // The same seed draws the same files; damage is found.
  const again = await runner.run('documents', 'drill', {
    parameters: { seed: String(details['seed']), files: '3' },
  });
  assert.equal(again.state, 'succeeded', again.reason);
  await damage(runner.place('repository/packs'));
  const damaged = await runner.run('documents', 'drill');
  assert.equal(damaged.state, 'failed');
  assert.deepEqual(await readdir(runner.place('sandbox')), []);
});

test('what there is nothing of to restore has not been proven', async () => {
  await using runner = await prepared();
  const run = await runner.run('documents', 'drill');
  assert.equal(run.state, 'failed');
  assert.match(run.reason ?? '', /There is no repository/u);
  const odd = await runner.run('documents', 'drill', { parameters: { file: '3' } });
  assert.match(odd.reason ?? '', /"file" is no parameter of a drill/u);
  const none = await runner.run('documents', 'drill', { parameters: { files: 'many' } });
  assert.match(none.reason ?? '', /"many" is no number of files/u);
});

test("neither an empty snapshot nor another job's proves anything", async () => {
  await using runner = await prepared();
  const [job] = (await runner.catalog.configuration.read()).jobs as readonly BackupJob[];
  await mkdir(runner.place('empty'));
  await runner.configure([job!, { ...job!, name: 'empty', sources: [runner.place('empty')] }]);
  assert.equal((await runner.run('documents')).state, 'succeeded');
  const other = await runner.run('empty', 'drill');
  assert.equal(other.state, 'failed');
  assert.match(other.reason ?? '', /There is no snapshot of files/u);
  assert.equal((await runner.run('empty')).state, 'succeeded');
  const empty = await runner.run('empty', 'drill');
  assert.equal(empty.state, 'failed');
  assert.match(empty.reason ?? '', /Nothing in ".*" was proven/u);
  const history = await runner.catalog.runs.history('empty', 'drill');
  assert.equal(history?.lastSuccess, undefined);
});

test('cold storage is left alone until the job allows it', async () => {
  await using runner = await prepared();
  const destinations = [{ url: 's3://bucket/x?storage-class=GLACIER', unencrypted: true }];
  const job = (await runner.catalog.configuration.read()).jobs[0] as BackupJob;
  await runner.configure([{ ...job, destinations }]);
  const run = await runner.run('documents', 'drill');
  assert.equal(run.state, 'skipped');
  assert.match(run.reason ?? '', /storage class "GLACIER".*coldStorage: true/u);
});

/** Changes a byte in the middle of each pack. */
async function damage(packs: string): Promise<void> {
  for (const entry of await readdir(packs, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    await chmod(file, 0o600);
    const handle = await open(file, 'r+');
    await using _closing = { [Symbol.asyncDispose]: () => handle.close() };
    const { size } = await handle.stat();
    await handle.write(Buffer.from('damaged'), 0, 7, Math.floor(size / 3));
  }
}
