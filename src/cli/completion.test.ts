import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { missingPrograms } from '#test/servers/required-programs.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { commandTable } from './command-table.ts';
import { completionScript } from './completion.ts';

/** What a shell prints that runs a script. */
function lines(shell: readonly [string, ...string[]], script: string, cwd = '/'): string[] {
  const [program, ...options] = shell;
  const { stdout, stderr } = spawnSync(program, options, {
    cwd,
    input: script,
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  return stdout.split('\n').filter((word) => word !== '');
}

const quotedWords = (words: readonly string[]): string =>
  words.map((word) => `'${word}'`).join(' ');

/** What bash offers for a line whose last word is being typed. */
function offered(...words: readonly string[]): string[] {
  return offeredIn('/', ...words);
}

function offeredIn(cwd: string, ...words: readonly string[]): string[] {
  const script = `${completionScript('bash', commandTable)}
COMP_WORDS=(${quotedWords(words)}); COMP_CWORD=${words.length - 1}; _holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return lines(['bash'], script, cwd);
}

/** What zsh offers; paths as "files" or "directories". What makes a menu of it stands on its own feet here. */
function offeredByZsh(...words: readonly string[]): string[] {
  const script = `compdef() { :; }
${completionScript('zsh', commandTable)}
_files() { [ "$1" = -/ ] && print directories || print files; }
_describe() { print -rl -- "\${items[@]%%:*}"; }
compadd() { shift; print -rl -- "$@"; }
compset() { print -r -- "compset $*"; }
words=(${quotedWords(words)}); CURRENT=${words.length}; _holdfast`;
  return lines(['zsh', '-f'], script);
}

/** What fish offers for a line. It takes no script from a pipe, and none of this length as an argument. */
function offeredByFish(cwd: string, line: string): string[] {
  const shell = ['fish', '--no-config', '-c', `source .script; complete -C '${line}'`] as const;
  return lines([...shell], '', cwd).map((word) => word.split('\t')[0]!);
}

/** A directory with names that a shell would take apart. */
async function awkwardNames(): Promise<Awaited<ReturnType<typeof temporaryDirectory>>> {
  const directory = await temporaryDirectory();
  await mkdir(path.join(directory.path, 'my dir'));
  await writeFile(path.join(directory.path, 'my *'), '');
  return directory;
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

  test('makes bash offer names with spaces and stars as they are', async () => {
    await using directory = await awkwardNames();
    const place = directory.path;
    assert.deepEqual(offeredIn(place, 'holdfast', 'backup', 'my').toSorted(), ['my *', 'my dir']);
    assert.deepEqual(offeredIn(place, 'holdfast', 'restore', '--target', 'my'), ['my dir']);
    assert.deepEqual(offeredIn(place, 'holdfast', 'restore', '--target', '=', 'my'), ['my dir']);
    const url = ['ls', 'file', ':', `//${place}/my d`];
    assert.deepEqual(offeredIn(place, 'holdfast', ...url), [`//${place}/my dir`]);
  });

  test('makes bash find the command behind flags with values, and behind "help"', () => {
    assert.deepEqual(offered('holdfast', '--state-dir', '/x', 'ba'), ['backup']);
    assert.deepEqual(offered('holdfast', '--state-dir', '=', '/x', 'ba'), ['backup']);
    assert.deepEqual(
      offered('holdfast', '--state-dir', '/x', 'restore', '--overwrite', '=', 'if'),
      ['if-changed', 'if-newer'],
    );
    assert.deepEqual(offered('holdfast', 'restore', '--overwrite', '='), [
      ...offered('holdfast', 'restore', '--overwrite', ''),
    ]);
    assert.ok(offered('holdfast', '--state-dir', '/').includes('/usr'));
    assert.deepEqual(offered('holdfast', 'help', 'ba'), ['backup']);
    assert.deepEqual(offered('holdfast', 'ls', 'help', 'ba'), []);
  });

  test('makes zsh offer the same', { skip: missingPrograms(['zsh']) }, () => {
    assert.ok(offeredByZsh('holdfast', '--state-dir', '/x', '').includes('backup'));
    assert.ok(offeredByZsh('holdfast', 'help', '').includes('backup'));
    assert.ok(offeredByZsh('holdfast', '--state-dir', '/x', 'key', 'add', '-').includes('--json'));
    assert.ok(offeredByZsh('holdfast', 'key', '').includes('export'));
    assert.deepEqual(offeredByZsh('holdfast', '--state-dir', ''), ['directories']);
    assert.deepEqual(offeredByZsh('holdfast', 'backup', ''), ['files']);
    assert.deepEqual(offeredByZsh('holdfast', 'restore', '--target', ''), ['directories']);
    assert.deepEqual(offeredByZsh('holdfast', 'restore', '--target=a'), [
      'compset -P *=',
      'directories',
    ]);
  });

  test('makes fish offer the same', { skip: missingPrograms(['fish']) }, async () => {
    await using directory = await awkwardNames();
    const script = completionScript('fish', commandTable);
    await writeFile(path.join(directory.path, '.script'), script);
    const fish = (line: string): string[] => offeredByFish(directory.path, line);
    assert.deepEqual(fish('holdfast --state-dir /x ba'), ['backup']);
    assert.deepEqual(fish('holdfast --state-dir=/x ba'), ['backup']);
    assert.deepEqual(fish('holdfast help ba'), ['backup']);
    assert.deepEqual(fish('holdfast key e'), ['export']);
    assert.deepEqual(fish('holdfast restore --overwrite if'), ['if-changed', 'if-newer']);
    assert.deepEqual(fish('holdfast restore --target my').toSorted(), ['my dir/']);
    assert.deepEqual(fish('holdfast backup my').toSorted(), ['my *', 'my dir/']);
    // Which of the two it is that is called "copy".
    assert.deepEqual(fish('holdfast catalog copy --encrypt-k'), []);
    assert.deepEqual(fish('holdfast copy --encrypt-k'), ['--encrypt-key']);
  });

  test('says of every group what it is about', () => {
    const script = completionScript('zsh', commandTable);
    for (const what of ['job:Jobs and their runs', 'key:What opens a repository'])
      assert.ok(script.includes(what), what);
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
