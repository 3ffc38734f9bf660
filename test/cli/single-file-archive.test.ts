import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ownMachine } from './own-machine.ts';

test('an archive of a single file becomes a repository that has a directory around it', async () => {
  await using machine = await ownMachine();
  await machine.write({ 'letter.txt': 'Dear all' });
  const [file, archive] = [machine.of('source/letter.txt'), machine.of('archive')];
  const run = async (...argv: string[]): Promise<string> => {
    const { status, stdout, stderr } = await machine.run(...argv);
    assert.equal(status, 0, stderr.text);
    return stdout.text;
  };
  await run('duplicity', '--no-encryption', 'full', file, `file://${archive}`);
  assert.equal(await run('cat', archive, `latest:${file}`), 'Dear all');
  await run('copy', archive, machine.of('repository'));
  assert.equal(await run('ls', machine.of('repository'), 'latest'), 'letter.txt\n');
  assert.equal(await run('cat', machine.of('repository'), 'latest:letter.txt'), 'Dear all');
  await run('check', machine.of('repository'), '--read-data');
});
