import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { test } from 'node:test';

import { homeDirectory, neededHomeDirectory } from './home-directory.ts';

test('HOME says it, or the list of users', () => {
  assert.equal(homeDirectory({ HOME: '/somewhere' }), '/somewhere');
  assert.equal(homeDirectory({ HOME: '' }), userInfo().homedir);
  assert.equal(neededHomeDirectory({}), userInfo().homedir);
});

// Only root may become somebody else.
const skip = process.getuid?.() !== 0 && process.env['CI'] !== 'true' && 'not root';

test('a user who is in no list has none', { skip }, () => {
  const script = `
    const { homeDirectory, neededHomeDirectory } = await import(${JSON.stringify(import.meta.resolve('./home-directory.ts'))});
    process.setuid(54_321);
    console.log(homeDirectory({}));
    try { neededHomeDirectory({}); } catch ({ code, hint }) { console.log(code, hint); }`;
  const run = spawnSync(process.execPath, ['--input-type=module', '--eval', script]);
  assert.equal(run.status, 0, run.stderr.toString());
  assert.match(run.stdout.toString(), /^undefined\ninput\/usage Set HOME/u);
});
