import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { backUp, createSmall, machine, openSmall } from '#test/support/small-repository.ts';

import { systemClock } from '../base/clock.ts';
import { MemoryStorage } from '../storage/drivers/memory/memory.ts';
import { forward } from '../storage/layers/forward.ts';

test('a backup has directories prepared, and needs none of it', async () => {
  using scratch = scratchDirectory();
  const source = scratch.of('source');
  mkdirSync(source);
  writeFileSync(`${source}/file`, 'text');
  const inner = new MemoryStorage({ clock: systemClock });
  const asked: string[] = [];
  const storage = {
    ...forward(inner),
    prepare(prefixes: readonly string[]) {
      asked.push(...prefixes);
      return Promise.reject(new Error('It does what it must not do'));
    },
  };
  const places = machine(scratch.path);
  await createSmall(storage, places);
  await using repository = await openSmall(storage, places);
  const { errors } = await backUp(repository, { paths: [source] });
  assert.equal(errors, 0);
  const stored = await Array.fromAsync(inner.list(''), ({ name }) => name);
  assert.ok(asked.length > 0);
  for (const prefix of asked) {
    assert.ok(prefix.endsWith('/'));
    assert.ok(
      stored.some((name) => name.startsWith(prefix)),
      prefix,
    );
  }
});
