import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

/** How often V8 collects the whole heap while 1.5 GB of buffers are used up, with or without this; the process starts with the flag of `bin/holdfast`. */
function collections(isAdapted: boolean): number {
  const code = `
    const { adaptHeapGrowth } = await import('./src/base/heap-growth.ts');
    for (let i = 0; i < 1500; i++) {
      Buffer.allocUnsafeSlow(1024 * 1024);
      if (${isAdapted} && i % 10 === 0) adaptHeapGrowth();
      if (i % 10 === 0) await new Promise(setImmediate);
    }`;
  const options = ['--trace-gc', '--heap-growing-percent=20', '--input-type=module', '-e', code];
  const { stdout } = spawnSync(process.execPath, options, { encoding: 'utf8' });
  return stdout.split('Mark-Compact').length - 1;
}

test('the heap is collected less often', () => {
  const [before, adapted] = [collections(false), collections(true)];
  assert.ok(before > 0 && adapted < before, `${before} and ${adapted} collections`);
});
