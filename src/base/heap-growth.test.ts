import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { growthFor } from './heap-growth.ts';

const mebibyte = 1024 * 1024;

test('memory grows freely while there is little, and no further when there is much', () => {
  assert.ok(growthFor(60 * mebibyte) > 100);
  assert.equal(growthFor(250 * mebibyte), 20);
});

test('V8 takes what is chosen while the program runs', () => {
  // It would end the process for a flag that it does not know, or that may not be changed any more.
  const code = `const { adaptHeapGrowth } = await import('./src/base/heap-growth.ts');
    adaptHeapGrowth();
    const kept = [];
    for (let i = 0; i < 200; i++) kept.push(Buffer.alloc(${mebibyte}, 1));
    adaptHeapGrowth();
    console.log(kept.length);`;
  const options = ['--heap-growing-percent=20', '--input-type=module', '-e', code];
  const { stdout, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8' });
  assert.equal(stdout.trim(), '200', stderr);
  assert.equal(stderr, '');
});
