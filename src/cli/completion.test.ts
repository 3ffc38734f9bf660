import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';

import { commandTable } from './command-table.ts';
import { completionScript } from './completion.ts';

/** What bash offers for a line whose last word is being typed. */
function offered(...words: readonly string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const script = `${completionScript('bash', commandTable)}
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout.split('\n').filter((word) => word !== '');
}

describe('completionScript()', () => {
  test('makes bash offer commands, flags and values', () => {
    assert.deepEqual(offered('holdfast', 're'), ['restore', 'restore-database', 'rebuild-index']);
    assert.deepEqual(offered('holdfast', 'key', 'e'), ['export']);
    assert.deepEqual(offered('holdfast', '-q', 'key', 'add', '--reci'), ['--recipient']);
    assert.deepEqual(offered('holdfast', 'restore', '--overwrite', 'if'), [
      'if-changed',
      'if-newer',
    ]);
    assert.deepEqual(offered('holdfast', 'completion', ''), ['bash', 'zsh', 'fish']);
  });

  test('mentions every command and flag for every shell', () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const script = completionScript(shell, commandTable);
      for (const { name, flags } of commandTable) {
        for (const word of name.split(' ')) assert.ok(script.includes(word), `${shell}: ${name}`);
        for (const flag of Object.keys(flags))
          assert.ok(script.includes(flag), `${shell}: ${flag}`);
      }
    }
    assert.throws(() => completionScript('csh', commandTable), { code: 'input/usage' });
  });
});
