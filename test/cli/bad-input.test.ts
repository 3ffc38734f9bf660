import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { openSshPrograms, startOpenSsh } from '#test/servers/openssh.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { openSshUrl } from '#test/support/open-ssh-urls.ts';

import { systemClock } from '../../src/base/clock.ts';
import type { Ran } from './command-line.ts';
import { ownMachine } from './own-machine.ts';

/** One sentence, a hint if there is one, and nothing else. */
function assertRefused(ran: Ran, status: number, sentence: RegExp): void {
  assert.equal(ran.status, status, ran.stderr.text);
  const [first = '', second, ...rest] = ran.stderr.text.trimEnd().split('\n');
  assert.match(first, sentence);
  assert.ok(second === undefined || second.startsWith('hint: '), ran.stderr.text);
  assert.deepEqual(rest, []);
  assert.equal(ran.stdout.text, '');
}

describe('bad input', () => {
  test('a missing or empty source makes no repository and asks nobody', async () => {
    await using machine = await ownMachine();
    const repository = machine.of('repository');
    const none = await machine.run('backup', machine.of('nothing'), repository);
    assertRefused(none, 1, /^holdfast: The source ".*nothing" does not exist$/u);
    const empty = await machine.run('backup', '', repository);
    assertRefused(empty, 2, /^holdfast: A SOURCE is an empty path$/u);
    assert.deepEqual(await readdir(machine.path), []);
  });

  test('a destination inside the source, unless it is left out', async () => {
    await using machine = await ownMachine();
    await machine.write({ 'a.txt': 'one' });
    const repository = machine.of('source/repository');
    const inside = await machine.run('backup', machine.of('source'), repository);
    assertRefused(inside, 2, /lies inside the source/u);
    assert.deepEqual(await readdir(machine.of('source')), ['a.txt']);
    const without = ['--exclude', repository];
    const ran = await machine.run('backup', machine.of('source'), repository, ...without);
    assert.equal(ran.status, 0, ran.stderr.text);
  });

  test('a command without the flag that takes it', async () => {
    await using machine = await ownMachine();
    await machine.write({ 'a.txt': 'one' });
    const [source, repository] = [machine.of('source'), machine.of('repository')];
    const ran = await machine.run('backup', source, repository, '--', machine.of('ls'));
    assertRefused(
      ran,
      2,
      /^holdfast: ".*ls" stands after "--", .*, but "--stdin-from-command" is missing$/u,
    );
    assert.deepEqual(await readdir(machine.path), ['source']);
    const whole = await machine.run('backup', '--', source, repository);
    assert.equal(whole.status, 0, whole.stderr.text);
  });

  test('a URL in the place of a path, whose password is not repeated', async () => {
    await using machine = await ownMachine();
    const url = 'sftp://me:hush@nas.example/x?key=hush';
    for (const command of [
      ['backup', url, machine.of('source')],
      ['restore', machine.of('repository'), '--target', url],
    ]) {
      const ran = await machine.run(...command);
      assertRefused(ran, 2, /is a URL, "sftp:\/\/\*\*\*@nas\.example\/x\?\*\*\*", and no path$/u);
      assert.doesNotMatch(ran.stderr.text, /hush/u);
    }
  });

  test('no repository, and the directory of somebody else', async () => {
    await using machine = await ownMachine();
    await machine.write({ 'My file': 'mine' });
    const [place, source] = [machine.of('source'), machine.of('home')];
    await mkdir(source);
    for (const command of [['snapshots'], ['check'], ['key', 'list'], ['prune']]) {
      for (const missing of [place, machine.of('nothing')]) {
        const ran = await machine.run(...command, missing);
        assertRefused(ran, 10, /^holdfast: There is no repository in "/u);
      }
    }
    const kept = await machine.run('backup', source, machine.of('new'), '--no-init');
    assertRefused(kept, 10, /^holdfast: There is no repository in "/u);
    for (const command of [['init'], ['backup', source]]) {
      const ran = await machine.run(...command, place);
      assertRefused(ran, 1, /is no repository, and not empty either: it holds "My file"$/u);
    }
    assert.deepEqual(await readdir(place), ['My file']);
    assert.deepEqual(await readdir(source), []);
  });

  test('a wrong, empty or missing passphrase', async () => {
    await using machine = await ownMachine();
    const repository = machine.of('repository');
    const { HOLDFAST_INSECURE_NO_PASSPHRASE: _none, ...environment } = machine.environment;
    const withPassphrase = (passphrase: string, ...argv: string[]): Promise<Ran> =>
      machine.runWith(
        { environment: { ...environment, HOLDFAST_PASSPHRASE: passphrase } },
        ...argv,
      );
    const empty = await withPassphrase('', 'init', repository);
    assertRefused(empty, 2, /is empty$/u);
    assertRefused(await machine.runWith({ environment }, 'init', repository), 2, /is missing/u);
    assert.deepEqual(await readdir(machine.path), [], 'nothing was made');
    assert.equal((await withPassphrase('right', 'init', repository)).status, 0);
    const wrong = await withPassphrase('wrong', 'snapshots', repository);
    assertRefused(wrong, 12, /opens none of the key slots/u);
    assertRefused(await machine.run('snapshots', repository), 12, /does not open without/u);
  });

  test('a repository without a passphrase says so, and is not opened unasked', async () => {
    await using machine = await ownMachine();
    const repository = machine.of('repository');
    assert.equal((await machine.run('init', repository)).status, 0);
    const { HOLDFAST_INSECURE_NO_PASSPHRASE: _none, ...environment } = machine.environment;
    const given = (more: Readonly<Record<string, string>>, typed?: string[]): Promise<Ran> =>
      machine.runWith(
        { environment: { ...environment, ...more }, ...(typed && { typed }) },
        'snapshots',
        repository,
      );
    const sentence = /^holdfast: The repository in ".*" has no passphrase$/u;
    assertRefused(await given({}), 2, sentence);
    assertRefused(await given({ HOLDFAST_PASSPHRASE: '' }), 2, sentence);
    assertRefused(await given({ HOLDFAST_PASSPHRASE: 'some' }), 12, sentence);
    assertRefused(await given({}, ['never asked']), 2, sentence);
    assert.equal((await machine.run('snapshots', repository)).status, 0);
  });

  test('a passphrase is typed at most three times', async () => {
    await using machine = await ownMachine();
    const repository = machine.of('repository');
    const { HOLDFAST_INSECURE_NO_PASSPHRASE: _none, ...environment } = machine.environment;
    const typed = (...answers: string[]): Promise<Ran> =>
      machine.runWith({ environment, typed: answers }, 'snapshots', repository);
    const made = { environment: { ...environment, HOLDFAST_PASSPHRASE: 'right' } };
    assert.equal((await machine.runWith(made, 'init', repository)).status, 0);
    const third = await typed('wrong', 'wrongly', 'right');
    assert.equal(third.status, 0, third.stderr.text);
    assert.equal(third.stderr.text.match(/That is not the passphrase; try again/gu)?.length, 2);
    const never = await typed('wrong', 'wrongly', 'wrongest', 'right');
    assert.equal(never.status, 12);
    assert.match(never.stderr.text, /opens none of the key slots.*\nhint: Look at its spelling/u);
    const key = await machine.runWith(
      { environment, typed: ['no', 'right'] },
      'key',
      'list',
      repository,
    );
    assert.equal(key.status, 0, key.stderr.text);
  });

  test('a memory of destinations that cannot be read keeps nobody from his data', async () => {
    await using machine = await ownMachine();
    await machine.write({ 'a.txt': 'one' });
    const [source, repository] = [machine.of('source'), machine.of('repository')];
    assert.equal((await machine.run('backup', source, repository)).status, 0);
    const memory = machine.of('home/.local/state/holdfast/destinations.json');
    await rm(memory);
    await mkdir(memory);
    const unread = /^holdfast: warning: Cannot read ".*destinations\.json"/mu;
    for (const command of [
      ['restore', repository, '--target', machine.of('out')],
      ['backup', source, repository],
    ]) {
      const ran = await machine.run(...command);
      assert.equal(ran.status, 0, ran.stderr.text);
      assert.match(ran.stderr.text, unread);
    }
    assert.equal(await readFile(machine.of('out/a.txt'), 'utf8'), 'one');
    // Whether a disk is missing cannot be told.
    const made = await machine.run('backup', source, machine.of('new'));
    assertRefused(made, 1, /^holdfast: Cannot read ".*destinations\.json"/u);
  });

  test('a file that is named and is not there, in words', async () => {
    await using machine = await ownMachine();
    await machine.write({ 'a.txt': 'one' });
    const [source, repository] = [machine.of('source'), machine.of('repository')];
    assert.equal((await machine.run('init', repository)).status, 0);
    const { HOLDFAST_INSECURE_NO_PASSPHRASE: _none, ...environment } = machine.environment;
    for (const [argv, named] of [
      [['backup', source, repository, '--exclude-from', '/nowhere'], '/nowhere'],
      [['snapshots', repository, '--passphrase-file', '/nowhere'], '/nowhere'],
      [['snapshots', repository, '--recovery-sheet', '/nowhere'], '/nowhere'],
      [['key', 'export', repository, '--output', '/nowhere/sheet'], '/nowhere/sheet'],
    ] as const) {
      const own = argv.includes('--output') ? machine.environment : environment;
      const ran = await machine.runWith({ environment: own }, ...argv);
      assert.match(ran.stderr.text, /^holdfast: Cannot .*: there is no such file or directory$/mu);
      assert.equal(ran.stderr.text.split(named).length, 2, 'the file is named once');
    }
  });

  test('a link that leads nowhere, a file in the place of a directory, a server that is not there', async () => {
    await using machine = await ownMachine();
    await machine.write({ 'a.txt': 'one' });
    const [source, link] = [machine.of('source'), machine.of('link')];
    await symlink(machine.of('unmounted'), link);
    for (const argv of [['init'], ['snapshots'], ['backup', source]])
      assertRefused(
        await machine.run(...argv, link),
        1,
        /^holdfast: ".*link" is a symbolic link that leads nowhere$/u,
      );
    for (const scheme of ['ftp', 'webdav']) {
      const ran = await machine.run('snapshots', `${scheme}://127.0.0.1:1/x`, '--retries', '0');
      assertRefused(
        ran,
        1,
        new RegExp(
          `^holdfast: Cannot look for a repository in "${scheme}://127.0.0.1:1/x": nothing answers`,
          'u',
        ),
      );
    }
  });

  test('a trial of a destination leaves nothing behind, and names it as it was named', async () => {
    await using machine = await ownMachine();
    const ran = await machine.run('destination', 'test', machine.of('new/place'), '--size', '1k');
    assert.equal(ran.status, 0, ran.stderr.text);
    assert.equal(ran.stderr.text, `Trying ${machine.of('new/place')}\n`);
    assert.deepEqual(await readdir(machine.path), []);
    await mkdir(machine.of('there'));
    assert.equal(
      (await machine.run('destination', 'test', machine.of('there'), '--size', '1k')).status,
      0,
    );
    assert.deepEqual(await readdir(machine.path), ['there']);
  });

  test(
    'a trial of a destination leaves nothing behind on a server',
    { skip: missingPrograms(openSshPrograms) },
    async () => {
      await using server = await startOpenSsh();
      await using machine = await ownMachine();
      const url = openSshUrl(server, `${server.data}/new/place`);
      const ran = await machine.run('destination', 'test', url, '--size', '1k');
      assert.equal(ran.status, 0, ran.stderr.text);
      assert.deepEqual(await readdir(server.data), []);
      await mkdir(`${server.data}/new`);
      assert.equal((await machine.run('destination', 'test', url, '--size', '1k')).status, 0);
      assert.deepEqual(await readdir(server.data, { recursive: true }), ['new']);
    },
  );

  test('an empty host, and help as a word', async () => {
    await using machine = await ownMachine();
    await machine.write({ 'a.txt': 'one' });
    const [source, repository] = [machine.of('source'), machine.of('repository')];
    for (const argv of [['backup', source], ['snapshots']])
      assertRefused(
        await machine.run(...argv, repository, '--host', ''),
        2,
        /"--host": it is empty/u,
      );
    const help = await machine.run('help', 'backup');
    assert.deepEqual(help.stdout.text, (await machine.run('backup', '--help')).stdout.text);
    assert.equal(help.status, 0);
    assert.match((await machine.run('help')).stdout.text, /holdfast/u);
    const made = await machine.run('backup', source, repository, '--json');
    const { milliseconds } = made.stdout.records.at(-1) ?? {};
    assert.ok(Number.isInteger(milliseconds), String(milliseconds));
  });

  test('a disk that is not there, and a repository that is another one', async () => {
    await using machine = await ownMachine();
    await machine.write({ 'a.txt': 'one' });
    const [source, repository] = [machine.of('source'), machine.of('repository')];
    assert.equal((await machine.run('backup', source, repository)).status, 0);
    await rename(repository, machine.of('away'));
    await mkdir(repository);
    const unplugged = await machine.run('backup', source, repository);
    assertRefused(unplugged, 10, /^holdfast: The repository that was in ".*" is not there$/u);
    assert.deepEqual(await readdir(repository), []);
    assert.equal((await machine.run('init', repository)).status, 0, 'this is how to begin anew');
    assert.equal((await machine.run('backup', source, repository)).status, 0);
    await rm(repository, { recursive: true });
    await rename(machine.of('away'), repository);
    const replaced = await machine.run('backup', source, repository);
    assertRefused(replaced, 10, /^holdfast: Another repository lies in/u);
    const looked = await machine.run('snapshots', repository);
    assert.equal(looked.status, 0, 'reading is no harm');
    assert.match(looked.stderr.text, /^holdfast: warning: Another repository lies in/u);
  });

  test('an init that was interrupted is completed by the next one, or by a backup', async () => {
    for (const command of ['init', 'backup']) {
      await using machine = await ownMachine();
      await machine.write({ 'a.txt': 'one' });
      const repository = machine.of('repository');
      assert.equal((await machine.run('init', repository)).status, 0);
      // As if it had ended after its first object, and nothing were remembered of it.
      for (const name of await readdir(repository)) {
        if (name !== 'keys') await rm(machine.of('repository', name), { recursive: true });
      }
      await rm(machine.of('home'), { recursive: true });
      const slots = await readdir(machine.of('repository/keys'));
      const looked = await machine.run('snapshots', repository);
      assertRefused(looked, 10, /^holdfast: The making of a repository in ".*" was interrupted$/u);
      const source = command === 'backup' ? [machine.of('source')] : [];
      const ran = await machine.run(command, ...source, repository);
      assert.equal(ran.status, 0, ran.stderr.text);
      assert.deepEqual(await readdir(machine.of('repository/keys')), slots);
      assert.equal((await machine.run('check', repository)).status, 0);
    }
  });

  test('an init that was interrupted before its settings is completed by a backup, and never where something is lost', async () => {
    await using machine = await ownMachine();
    await machine.write({ 'a.txt': 'one' });
    const repository = machine.of('repository');
    assert.equal((await machine.run('init', repository)).status, 0);
    for (const lost of ['settings', 'hosts', 'snapshots', 'seals'])
      await rm(machine.of('repository', lost), { recursive: true, force: true });
    await rm(machine.of('home'), { recursive: true });
    assert.equal((await machine.run('backup', machine.of('source'), repository)).status, 0);
    assert.equal((await readdir(machine.of('repository/settings'))).length, 1);
    assert.equal((await machine.run('check', repository)).status, 0);
    // With a snapshot it was complete once, so whatever is missing was taken away.
    for (const lost of ['settings', 'hosts'])
      await rm(machine.of('repository', lost), { recursive: true });
    await machine.run('backup', machine.of('source'), repository);
    assert.equal((await machine.run('check', repository)).status, 13);
    await assert.rejects(readdir(machine.of('repository/settings')));
  });

  test('a place that is a file, behind a storage with an opening of its own', async (context) => {
    const missing = missingPrograms(['rclone']);
    if (missing !== false) return context.skip(missing);
    await using machine = await ownMachine();
    await machine.write({ 'a.txt': 'one' });
    const url = `rclone://:local:${machine.of('source/a.txt')}`;
    for (const command of [['snapshots'], ['init'], ['destination', 'test']]) {
      const ran = await machine.run(...command, url);
      assertRefused(ran, 1, /^holdfast: Cannot reach "rclone:\/\/.*\/a\.txt": the path of the/u);
    }
  });

  test('what is mistyped leaves nothing open that would keep the program from ending', async (context) => {
    const missing = missingPrograms(['rclone']);
    if (missing !== false) return context.skip(missing);
    await using machine = await ownMachine();
    await machine.write({ 'a.txt': 'one' });
    const [source, repository] = [machine.of('source'), machine.of('repository')];
    assert.equal((await machine.run('backup', source, repository)).status, 0);
    const url = `rclone://:local:${repository}`;
    const commands = [
      ['restore', url, '--target', machine.of('out'), '--at', 'some day'],
      ['restore', url, '--target', machine.of('out'), '--exclude-from', machine.of('nothing')],
      ['forget', url, '--keep-last', '1', '--tag', ','],
      ['copy', repository, url, '--tag', ','],
      ['backup', source, url, '--tag', ','],
      ['backup', '--stdin', url, '--dry-run'],
    ];
    const running = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'ProcessWrap').length;
    for (const command of commands) {
      const ran = await machine.run(...command);
      assert.equal(ran.status, 2, `${command.join(' ')}: ${ran.stderr.text}`);
      // A process that has ended is forgotten a moment later.
      for (let left = 50; running() > 0 && left > 0; left--) await systemClock.sleep(20);
      assert.equal(running(), 0, command.join(' '));
    }
  });

  test('an unknown option or kind of storage', async () => {
    await using machine = await ownMachine();
    const url = `file://${machine.of('repository')}`;
    const option = await machine.run('init', `${url}?conections=3`);
    assertRefused(option, 2, /There is no option "conections" \(from the URL\)$/u);
    assert.match(option.stderr.text, /Did you mean "connections"/u);
    const flag = await machine.run('init', url, '--option', 'conections=3');
    assertRefused(flag, 2, /There is no option "conections"/u);
    assertRefused(await machine.run('init', url, '-o', 'x'), 2, /not of the form NAME=VALUE/u);
    assertRefused(await machine.run('init', 'fiel:///x'), 2, /no kind of storage/u);
    assert.deepEqual(await readdir(machine.path), []);
  });

  test('a damaged repository, and one of a newer program', async () => {
    await using machine = await ownMachine();
    await machine.write({ 'a.txt': 'one' });
    const [source, repository] = [machine.of('source'), machine.of('repository')];
    assert.equal((await machine.run('backup', source, repository)).status, 0);
    const file = machine.of('repository/holdfast');
    const description = await readFile(file, 'utf8');
    await writeFile(file, description.replace('"version": 1', '"version": 2'));
    assertRefused(await machine.run('snapshots', repository), 1, /does not know$/u);
    await writeFile(file, description.replace('"minimum": 5', '"minimum": 6'));
    assertRefused(await machine.run('snapshots', repository), 13, /holdfast/u);
    await writeFile(file, description);
    const [directory = ''] = await readdir(machine.of('repository/packs'));
    const [pack = ''] = await readdir(machine.of('repository/packs', directory));
    await writeFile(machine.of('repository/packs', directory, pack), 'x');
    const checked = await machine.run('check', repository);
    assert.equal(checked.status, 13);
    assert.match(checked.stderr.text, /^holdfast: The repository is damaged: /mu);
  });

  test('a target that is not empty, a snapshot that is not there', async () => {
    await using machine = await ownMachine();
    await machine.write({ 'a.txt': 'one' });
    const [source, repository] = [machine.of('source'), machine.of('repository')];
    assert.equal((await machine.run('backup', source, repository)).status, 0);
    const full = await machine.run('restore', repository, '--quiet', '--target', source);
    assertRefused(full, 1, /^holdfast: Refused to restore into ".*": it is not empty$/u);
    const none = await machine.run('restore', repository, 'abcdef', '-t', machine.of('out'));
    assertRefused(none, 1, /^holdfast: There is no snapshot "abcdef"$/u);
    const empty = await machine.run('restore', repository, '--target', '');
    assertRefused(empty, 2, /^holdfast: The target is an empty path$/u);
    assertRefused(await machine.run('cat', repository, 'latest'), 2, /which file/u);
    assertRefused(await machine.run('cat', repository, 'latest:b'), 1, /"b"/u);
  });
});
