import assert from 'node:assert/strict';
import { test } from 'node:test';

import { testContext } from '#test/cli/command-line.ts';

import type { Snapshot } from '../../model/snapshot.ts';
import type { CommandSession } from '../session.ts';
import { chooseDump } from './choose-dump.ts';

const session = testContext() as unknown as CommandSession;
let count = 0;
function snapshot(label: string, day: number, more: Partial<Snapshot> = {}): Snapshot {
  return {
    id: (++count).toString(16).padStart(8, '0').repeat(4),
    time: Date.UTC(2026, 0, day),
    hostname: 'host',
    username: 'user',
    signer: 'aa',
    paths: [Buffer.from(label)],
    tags: [],
    state: 'complete',
    ...more,
  };
}

const old = snapshot('postgresql/db:5433/app.dump', 1);
const recent = snapshot('postgresql/db:5433/app.dump', 3);
const other = snapshot('postgresql/db:5433/a.dump', 4);
const files = snapshot('/srv', 9);
const unfinished = snapshot('postgresql/db:5433/app.dump', 8, { state: 'unfinished' });
const all = [old, other, recent, files, unfinished];

test('the name of a dump means the newest snapshot of it', () => {
  for (const text of [
    'app.dump',
    'db:5433/app.dump',
    'postgresql/db:5433/app.dump',
    'latest:app.dump',
    ':app.dump',
  ]) {
    assert.deepEqual(chooseDump(all, text, session), { snapshot: recent, path: undefined }, text);
  }
  assert.equal(chooseDump(all, 'a.dump', session).snapshot, other, 'not what only ends with it');
});

test('an id, a time, and a file of another snapshot', () => {
  assert.deepEqual(chooseDump(all, old.id, session), { snapshot: old, path: undefined });
  assert.deepEqual(chooseDump(all, `${old.id}:x`, session), { snapshot: old, path: 'x' });
  assert.equal(chooseDump(all, '2026-01-02', session).snapshot, old);
  assert.deepEqual(chooseDump(all, 'latest:dumps/app.sql', session), {
    snapshot: files,
    path: 'dumps/app.sql',
  });
  assert.throws(() => chooseDump(all, 'gone.dump', session), { code: 'snapshot/missing' });
});

test('nothing said is clear only if there are dumps of one database', () => {
  assert.throws(() => chooseDump(all, undefined, session), {
    code: 'input/usage',
    hint: /"postgresql\/db:5433\/a\.dump", "postgresql\/db:5433\/app\.dump"/u,
  });
  assert.equal(chooseDump([old, recent, files], undefined, session).snapshot, recent);
  assert.equal(chooseDump([old, recent, files], 'latest', session).snapshot, recent);
  assert.throws(() => chooseDump([files], undefined, session), { code: 'snapshot/missing' });
  const twin = snapshot('mariadb/db/app.dump', 2);
  assert.throws(() => chooseDump([...all, twin], 'app.dump', session), { code: 'input/usage' });
});
