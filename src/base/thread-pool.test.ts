import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const module = JSON.stringify(import.meta.resolve('./thread-pool.ts'));

function output(script: string): string {
  const run = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    timeout: 60_000,
  });
  assert.equal(run.status, 0, run.stderr.toString());
  return run.stdout.toString();
}

test('the pool is told of something again and again, until that is given up', () => {
  const script = `
    import { createHook } from 'node:async_hooks';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { keepPoolAwake } from ${module};
    let calls = 0;
    createHook({ init: (_id, type) => void (calls += type === 'FSREQCALLBACK') }).enable();
    {
      using awake = keepPoolAwake(5);
      while (calls < 3) await sleep(5);
    }
    await sleep(20);
    const before = calls;
    await sleep(50);
    console.log(calls === before);`;
  assert.equal(output(script), 'true\n');
});

test('the program ends all the same', () => {
  const script = `
    import { keepPoolAwake } from ${module};
    keepPoolAwake(60_000);
    console.log('done');`;
  assert.equal(output(script), 'done\n');
});
