import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { AppError } from '../../../src/base/errors.ts';
import { gpgHome } from '#test/support/gpg-home.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { type CommandLineOptions, type Ran, runForTest } from '../command-line.ts';

const launcher = path.resolve(import.meta.dirname, '../../../bin/holdfast');

const run = (line: readonly string[], options: CommandLineOptions = {}): Promise<Ran> =>
  runForTest(['duplicity', ...line], options);

describe('the drop-in for duplicity', () => {
  test('is a command of ours, and is there under the name of the original', () => {
    using scratch = scratchDirectory();
    const link = scratch.of('duplicity');
    symlinkSync(launcher, link);
    const version = execFileSync(link, ['--version'], { encoding: 'utf8' });
    assert.match(version, /^duplicity 0\.8\.22 compatible \(Holdfast \S+\)\n$/u);
    assert.equal(execFileSync(launcher, ['duplicity', '-V'], { encoding: 'utf8' }), version);
    assert.match(execFileSync(launcher, ['--help'], { encoding: 'utf8' }), /^ {2}duplicity /mu);
  });

  test('help names every action and the options of both times', async () => {
    const { status, stdout } = await run(['--help']);
    assert.equal(status, 0);
    for (const word of ['remove-all-inc-of-but-n-full', '--file-to-restore', '--path-to-restore'])
      assert.ok(stdout.text.includes(word), word);
  });

  test('stanzas go to a file descriptor', () => {
    using scratch = scratchDirectory();
    const log = scratch.of('log');
    const line = `exec 5>${log}; exec ${launcher} duplicity --log-fd=5 full nowhere file:///nowhere`;
    const { status, stderr } = spawnSync('/bin/sh', ['-c', line], {
      encoding: 'utf8',
      env: { HOME: scratch.path, PATH: process.env['PATH'] ?? '' },
    });
    assert.equal(status, 13);
    assert.equal(stderr, 'Backup source directory nowhere does not exist.\n');
    assert.equal(
      readFileSync(log, 'utf8'),
      'ERROR 13\n. Backup source directory nowhere does not exist.\n\n',
    );
    const closed = spawnSync(launcher, ['duplicity', '--log-fd', '77', 'cleanup', 'file:///x']);
    assert.equal(closed.status, 30);
  });

  test('a new archive asks for its passphrase until it was typed twice alike', async () => {
    using scratch = scratchDirectory();
    mkdirSync(scratch.of('source'));
    writeFileSync(scratch.of('source', 'a'), 'a');
    const common = ['--archive-dir', scratch.of('cache')];
    const url = `file://${scratch.of('archive')}`;
    const environment = { HOME: scratch.path };
    const typed = ['', 'one', 'two', 'secret', 'secret'];
    const first = await run([...common, scratch.of('source'), url], { environment, typed });
    assert.equal(first.status, 0, first.stderr.text);
    assert.match(first.stdout.text, /Cannot use empty passphrase/u);
    assert.match(first.stdout.text, /do not match/u);
    assert.ok(first.stdin.rawWhileTyped.every(Boolean), 'nothing typed was shown');
    const wrong = { ...environment, PASSPHRASE: 'other' };
    writeFileSync(scratch.of('source', 'b'), 'b');
    const second = await run([...common, scratch.of('source'), url], { environment: wrong });
    assert.equal(second.status, 31, 'nothing is added with another passphrase');
    const right = { ...environment, PASSPHRASE: 'secret' };
    const third = await run([...common, 'inc', scratch.of('source'), url], { environment: right });
    assert.equal(third.status, 0, third.stderr.text);
    const target = scratch.of('target');
    const restored = await run([...common, url, target], { environment: right });
    assert.equal(restored.status, 0, restored.stderr.text);
    assert.equal(readFileSync(path.join(target, 'b'), 'utf8'), 'b');
  });

  test('nothing is encrypted with an empty passphrase, but a key may have none', async () => {
    await using home = await gpgHome();
    const key = await home.generateKey('somebody', '');
    using scratch = scratchDirectory();
    mkdirSync(scratch.of('source'));
    writeFileSync(scratch.of('source', 'a'), 'a');
    const common = ['--archive-dir', scratch.of('cache')];
    const url = `file://${scratch.of('archive')}`;
    const environment = { ...home.environment, PASSPHRASE: '' };
    const refused = await run([...common, scratch.of('source'), url], { environment });
    assert.equal(refused.status, 31);
    assert.match(refused.stderr.text, /^PASSPHRASE is empty/mu);
    assert.deepEqual(
      existsSync(scratch.of('archive')) ? readdirSync(scratch.of('archive')) : [],
      [],
    );
    const toKey = ['--encrypt-key', key.slice(-16)];
    const stored = await run([...common, ...toKey, scratch.of('source'), url], { environment });
    assert.equal(stored.status, 0, stored.stderr.text);
    const restored = await run(['restore', ...common, ...toKey, url, scratch.of('out')], {
      environment,
    });
    assert.equal(restored.status, 0, restored.stderr.text);
    assert.equal(readFileSync(scratch.of('out', 'a'), 'utf8'), 'a');
  });

  test('verify compares when it is asked to, and else says so with exit code 0', async () => {
    using scratch = scratchDirectory();
    mkdirSync(scratch.of('source'));
    writeFileSync(scratch.of('source', 'a'), 'a');
    const common = ['--no-encryption', '--archive-dir', scratch.of('cache')];
    const url = `file://${scratch.of('archive')}`;
    const options = { environment: { HOME: scratch.path } };
    assert.equal((await run([...common, 'full', scratch.of('source'), url], options)).status, 0);
    writeFileSync(scratch.of('source', 'a'), 'longer');
    writeFileSync(scratch.of('source', 'b'), 'new');
    const line = [...common, 'verify', url, scratch.of('source')];
    const compared = await run([...line, '--compare-data'], options);
    assert.equal(compared.status, 1);
    assert.match(compared.stdout.text, /Difference found: New file b\n/u);
    const checked = await run(line, options);
    assert.equal(checked.status, 0);
    assert.match(checked.stdout.text, /compared, 0 differences found\./u);
    assert.match(checked.stdout.text, /--compare-data/u);
  });

  test('a chain that has lost a volume is left, unless an incremental backup is asked for', async () => {
    using scratch = scratchDirectory();
    mkdirSync(scratch.of('source'));
    writeFileSync(scratch.of('source', 'a'), 'a');
    const url = `file://${scratch.of('archive')}`;
    const backUp = (time: number, ...action: string[]): Promise<Ran> =>
      run(
        [...action, '--no-encryption', '--archive-dir', scratch.of('cache'), '--current-time', `${time}`, scratch.of('source'), url], // prettier-ignore
        { environment: { HOME: scratch.path } },
      );
    assert.equal((await backUp(1_700_000_000)).status, 0);
    rmSync(scratch.of('archive', 'duplicity-full.20231114T221320Z.vol1.difftar.gz'));
    const onward = await backUp(1_700_000_100, 'incremental');
    assert.equal(onward.status, 0, onward.stderr.text);
    assert.match(onward.stdout.text, /lacks volume 1: what it held cannot be restored/u);
    assert.match(onward.stdout.text, /^SourceFiles 2$/mu);
    const next = await backUp(1_700_000_200);
    assert.equal(next.status, 0, next.stderr.text);
    assert.match(next.stdout.text, /lacks volume 1: a full backup is made/u);
    const manifest = scratch.of('archive', 'duplicity-full.20231114T221640Z.manifest');
    assert.ok(existsSync(manifest));
    assert.equal((await backUp(1_700_000_300, 'incremental')).status, 0);
    const volume = 'duplicity-inc.20231114T221640Z.to.20231114T221820Z.vol1.difftar.gz';
    rmSync(scratch.of('archive', volume));
    const ignoring = ['restore', '--ignore-errors', '--no-encryption', url, scratch.of('restored')];
    const restored = await run([...ignoring, '--archive-dir', scratch.of('cache')]);
    assert.equal(restored.status, 0);
    assert.match(restored.stdout.text, /^1 entry could not be restored as it was$/mu);
  });

  test('a chain whose manifest was cut is left, and what can be restored of it is said', async () => {
    using scratch = scratchDirectory();
    mkdirSync(scratch.of('source'));
    for (const name of ['a', 'b']) writeFileSync(scratch.of('source', name), randomBytes(900_000));
    const common = ['--no-encryption', '--archive-dir', scratch.of('cache')];
    const url = `file://${scratch.of('archive')}`;
    const backUp = (time: number, ...options: string[]): Promise<Ran> =>
      run([...common, ...options, '--current-time', `${time}`, scratch.of('source'), url], {
        environment: { HOME: scratch.path },
      });
    assert.equal((await backUp(1_700_000_000, '--volsize', '1')).status, 0);
    const manifest = scratch.of('archive', 'duplicity-full.20231114T221320Z.manifest');
    const text = readFileSync(manifest, 'latin1');
    assert.ok(text.includes('Volume 2:'));
    writeFileSync(manifest, text.slice(0, text.indexOf('Volume 2:')), 'latin1');
    const restored = await run(['restore', ...common, url, scratch.of('restored')]);
    assert.equal(restored.status, 30);
    const whatIsLeft = ['restore', ...common, '--ignore-errors', url, scratch.of('left')];
    const partly = await run(whatIsLeft);
    assert.match(
      partly.stdout.text,
      /Volume 2 is missing.*\n2 entries could not be restored as they were$/msu,
    );
    const next = await backUp(1_700_000_100);
    assert.match(next.stdout.text, /is cut: it does not list volume 2: a full backup is made/u);
    assert.ok(existsSync(scratch.of('archive', 'duplicity-full.20231114T221500Z.manifest')));
  });

  test('a chain whose middle is lost is left, so that nothing is out of reach when what was lost comes back', async () => {
    using scratch = scratchDirectory();
    mkdirSync(scratch.of('source'));
    mkdirSync(scratch.of('lost'));
    const common = ['--no-encryption', '--archive-dir', scratch.of('cache')];
    const url = `file://${scratch.of('archive')}`;
    const day = (number: number): string => String(1_700_000_000 + number * 86_400);
    const backUp = async (number: number): Promise<Ran> => {
      writeFileSync(scratch.of('source', 'a'), `of day ${number}`);
      const line = [...common, '--current-time', day(number), scratch.of('source'), url];
      const ran = await run(line, { environment: { HOME: scratch.path } });
      assert.equal(ran.status, 0, ran.stderr.text);
      return ran;
    };
    for (const number of [1, 2, 3, 4]) await backUp(number);
    const lost = readdirSync(scratch.of('archive')).filter((name) =>
      name.includes('20231116T221320Z.to.20231117T221320Z'),
    );
    assert.equal(lost.length, 3);
    for (const name of lost) renameSync(scratch.of('archive', name), scratch.of('lost', name));
    const next = await backUp(5);
    assert.match(next.stdout.text, /switching to full backup/u);
    await backUp(6);
    for (const name of lost) renameSync(scratch.of('lost', name), scratch.of('archive', name));
    for (const number of [1, 2, 3, 4, 5, 6]) {
      const target = scratch.of(`of-${number}`);
      const ran = await run([...common, 'restore', '-t', day(number), url, target]);
      assert.equal(ran.status, 0, ran.stderr.text);
      assert.equal(readFileSync(path.join(target, 'a'), 'utf8'), `of day ${number}`);
    }
  });

  test('what a run to a destination that failed has left does not decide about the next one', async () => {
    using scratch = scratchDirectory();
    mkdirSync(scratch.of('source'));
    writeFileSync(scratch.of('source', 'a'), 'a');
    const common = ['--no-encryption', '--archive-dir', scratch.of('cache'), '--name', 'x'];
    const backUp = async (time: number, url: string, ...options: string[]): Promise<number> => {
      const at = ['--current-time', `${time}`];
      const line = [...common, ...options, ...at, scratch.of('source'), url];
      return (await run(line, { environment: { HOME: scratch.path } })).status;
    };
    const good = `file://${scratch.of('archive')}`;
    assert.equal(await backUp(1_700_000_000, good), 0);
    assert.equal(await backUp(1_700_100_000, 'file:///proc/nothing/x'), 52);
    const parts = readdirSync(scratch.of('cache', 'x')).filter((name) => name.endsWith('.part'));
    assert.equal(parts.length, 2);
    assert.equal(await backUp(1_700_200_000, good, '--full-if-older-than', '1D'), 0);
    const kept = readdirSync(scratch.of('cache', 'x')).filter((name) => !name.endsWith('file'));
    assert.deepEqual(
      kept,
      readdirSync(scratch.of('archive')).filter((name) => !name.includes('vol')),
    );
    const full = readdirSync(scratch.of('archive')).filter((name) => /full.*manifest/u.test(name));
    assert.equal(full.length, 2);
  });

  test('PYTHONOPTIMIZE is refused, and keys may have the names that 3.0.5 takes', async () => {
    const environment = { PYTHONOPTIMIZE: '' };
    const refused = await run(['collection-status', 'file:///nowhere'], { environment });
    assert.equal(refused.status, 46);
    assert.match(refused.stderr.text, /^\nPYTHONOPTIMIZE in the environment causes/u);
    const named = ['--sign-key', 'somebody@example.org', '--no-encryption'];
    using scratch = scratchDirectory();
    const line = ['collection-status', ...named, '--archive-dir', scratch.path, 'file:///nowhere'];
    assert.equal((await run(line)).status, 0);
  });

  test('times that make no sense, no backup, an interruption', async () => {
    using scratch = scratchDirectory();
    mkdirSync(scratch.of('source'));
    const url = `file://${scratch.of('archive')}`;
    const line = [
      '--no-encryption',
      '--archive-dir',
      scratch.of('cache'),
      scratch.of('source'),
      url,
    ];
    const environment = { HOME: scratch.path };
    const bad = await run(['-t', 'yesterday', 'list', url, '--no-encryption'], { environment });
    assert.equal(bad.status, 2);
    assert.match(bad.stderr.text, /Bad time string "'yesterday'"/u);
    const none = await run(['list', url, '--no-encryption'], { environment });
    assert.equal(none.status, 30);
    assert.equal(none.stderr.text, 'No signature chains found\n');
    const signal = AbortSignal.abort(new AppError('interrupted', 'Interrupted'));
    const stopped = await run(line, { environment, context: { signal } });
    assert.equal(stopped.status, 4);
    assert.equal(stopped.stderr.text, 'INT intercepted...exiting.\n');
  });

  test('times are those of the zone in TZ', async () => {
    using scratch = scratchDirectory();
    mkdirSync(scratch.of('source'));
    const common = ['--no-encryption', '--archive-dir', scratch.of('cache')];
    const url = `file://${scratch.of('archive')}`;
    const line = [...common, '--current-time', '1700000000', scratch.of('source'), url];
    assert.equal((await run(line, { environment: { HOME: scratch.path } })).status, 0);
    for (const [zone, time] of [
      ['UTC', '22:13:20'],
      ['America/New_York', '17:13:20'],
    ] as const) {
      const status = spawnSync(launcher, ['duplicity', 'collection-status', ...common, url], {
        encoding: 'utf8',
        env: { HOME: scratch.path, PATH: process.env['PATH'] ?? '', TZ: zone },
      });
      assert.match(status.stdout, new RegExp(`^Chain end time: Tue Nov 14 ${time} 2023$`, 'mu'));
    }
  });

  test('a copy under another passphrase', async () => {
    using scratch = scratchDirectory();
    mkdirSync(scratch.of('source'));
    writeFileSync(scratch.of('source', 'a'), 'a'.repeat(100_000));
    const [from, to] = ['from', 'to'].map((name) => `file://${scratch.of(name)}`) as [
      string,
      string,
    ];
    const common = ['--archive-dir', scratch.of('cache')];
    const say = (line: readonly string[], environment: Readonly<Record<string, string>>) =>
      run([...common, ...line], { environment: { HOME: scratch.path, ...environment } });
    const old = { PASSPHRASE: 'old' };
    assert.equal((await say(['full', scratch.of('source'), from], old)).status, 0);
    writeFileSync(scratch.of('source', 'b'), 'b');
    const later = ['--current-time', String(Math.floor(Date.now() / 1000) + 10)];
    assert.equal((await say(['inc', ...later, scratch.of('source'), from], old)).status, 0);
    const both = { PASSPHRASE: 'new', HOLDFAST_FROM_PASSPHRASE: 'old' };
    assert.equal((await say(['replicate', from, to], both)).status, 0);
    const again = await say(['replicate', from, to], both);
    assert.match(again.stdout.text, /nothing to replicate/u);
    const verified = await say(['verify', '--compare-data', to, scratch.of('source')], {
      PASSPHRASE: 'new',
    });
    assert.equal(verified.status, 0, verified.stdout.text + verified.stderr.text);
  });
});
