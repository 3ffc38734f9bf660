import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chooseRunSnapshot, listedSnapshots } from './choose-run-snapshot.ts';

const record = (id: string, day: number, paths: readonly string[], tags: readonly string[]) => ({
  type: 'snapshot',
  id,
  time: `2026-11-${String(day).padStart(2, '0')}T00:00:00.000Z`,
  user: 'root',
  paths,
  tags,
  state: 'complete',
});

const snapshots = listedSnapshots([
  record('aaaa', 1, ['/home'], ['job:documents']),
  record('bbbb', 2, ['/home'], ['job:documents', 'x']),
  record('cccc', 3, ['/srv'], ['job:other']),
  record('dddd', 4, ['postgresql/db/app.dump'], ['job:documents']),
  { ...record('eeee', 5, ['/home'], ['job:documents']), state: 'unfinished' },
  { type: 'summary' },
]);

const wish = {
  job: 'documents',
  now: Date.UTC(2026, 10, 20),
  timeZone: 'UTC',
  of: 'files',
} as const;

test('the newest snapshot of the job is chosen, whoever else uses the repository', () => {
  assert.equal(chooseRunSnapshot(snapshots, wish)?.id, 'bbbb');
  assert.equal(chooseRunSnapshot(snapshots, { ...wish, of: 'dumps' })?.id, 'dddd');
  assert.equal(chooseRunSnapshot(snapshots, { ...wish, at: '2026-11-01T12:00' })?.id, 'aaaa');
  assert.equal(chooseRunSnapshot(snapshots, { ...wish, snapshot: '2026-11-01T12:00' })?.id, 'aaaa');
  assert.equal(chooseRunSnapshot(snapshots, { ...wish, at: '2026-10-01' }), undefined);
});

test("a snapshot that is named is taken as it is; one that is not marked may be the job's", () => {
  assert.equal(chooseRunSnapshot(snapshots, { ...wish, snapshot: 'cccc' })?.id, 'cccc');
  assert.equal(chooseRunSnapshot(snapshots, { ...wish, snapshot: 'ffff' }), undefined);
  const job = 'new';
  assert.equal(chooseRunSnapshot(snapshots, { ...wish, job }), undefined, "another job's");
  assert.equal(chooseRunSnapshot(snapshots, { ...wish, job: undefined })?.id, 'cccc');
  const byHand = listedSnapshots([record('9999', 1, ['/home'], ['x'])]);
  assert.equal(chooseRunSnapshot([...snapshots, ...byHand], { ...wish, job })?.id, '9999');
});
