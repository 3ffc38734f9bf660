import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { Kysely } from 'kysely';

import { FakeClock } from '#test/support/fake-clock.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { nodeSqliteDialect } from '../sqlite/node-sqlite-dialect.ts';
import type { Tables } from '../tables.ts';
import { migrate } from './migrate.ts';
import type { Migration } from './migrations.ts';

const first: Migration = ({ integer, end }) => [
  `create table things (number ${integer} primary key)${end}`,
  'insert into things values (1)',
];
const second: Migration = () => ['insert into things values (2)'];
const broken: Migration = () => ['insert into things values (3)', 'insert into nothing values (1)'];

async function migrated(file: string, steps: readonly Migration[]): Promise<void> {
  await using db = new Kysely<Tables>({
    dialect: nodeSqliteDialect(new DatabaseSync(file)),
  });
  await migrate(db, 'sqlite', file, new FakeClock(77), steps);
}

function contentOf(file: string): unknown {
  const database = new DatabaseSync(file);
  try {
    const numbers = database.prepare('select number from things').all();
    const versions = database.prepare('select version, applied_at from migrations').all();
    return [
      numbers.map((row) => row['number']),
      versions.map((row) => [row['version'], row['applied_at']]),
    ];
  } finally {
    database.close();
  }
}

test('each step is done once, in order', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'a');
  await migrated(file, [first]);
  assert.deepEqual(contentOf(file), [[1], [[1, 77]]]);
  await migrated(file, [first, second]);
  await migrated(file, [first, second]);
  assert.deepEqual(contentOf(file), [
    [1, 2],
    [
      [1, 77],
      [2, 77],
    ],
  ]);
});

test('a step that fails has done nothing; those before it stay', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'a');
  await assert.rejects(migrated(file, [first, broken, second]), /nothing/u);
  assert.deepEqual(contentOf(file), [[1], [[1, 77]]]);
});
