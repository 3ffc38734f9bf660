import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { type ScratchDirectory, scratchDirectory } from '#test/support/scratch-directory.ts';
import { runForTest } from '../command-line.ts';

const fixtures = path.resolve(import.meta.dirname, '../../fixtures/duplicity');

interface Said {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs the drop-in on a copy of a fixture; `DEST` stands for its URL. */
async function runOn(
  scratch: ScratchDirectory,
  fixture: string,
  line: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Said> {
  const copy = scratch.of(fixture);
  if (!existsSync(copy)) cpSync(path.join(fixtures, fixture, 'dest'), copy, { recursive: true });
  const words = line.map((word) => (word === 'DEST' ? `file://${copy}` : word));
  const { status, stdout, stderr } = await runForTest(
    ['duplicity', ...words, '--archive-dir', scratch.of('cache'), '--name', fixture],
    { environment: { HOME: scratch.path, ...environment } },
  );
  return { status, output: stdout.text, errors: stderr.text };
}

const saved = (file: string): string =>
  readFileSync(path.join(fixtures, 'unencrypted', file), 'utf8');

describe('the drop-in on archives of the original', () => {
  test('collection-status says what the original has said', async () => {
    using scratch = scratchDirectory();
    const { status, output } = await runOn(scratch, 'unencrypted', ['collection-status', 'DEST']);
    assert.equal(status, 0);
    assert.equal(
      output.replaceAll(scratch.of('cache', 'unencrypted'), '<archive-dir>'),
      saved('collection-status.txt'),
    );
  });

  test('list-current-files says what the original has said', async () => {
    using scratch = scratchDirectory();
    const line = ['list-current-files', '--time', '2023-11-15T22:13:20Z', 'DEST'];
    assert.equal((await runOn(scratch, 'unencrypted', line)).status, 0);
    const { output } = await runOn(scratch, 'unencrypted', line);
    const expected = `Local and Remote metadata are synchronized, no sync needed.\nLast full backup date: Tue Nov 14 22:13:20 2023\n`;
    // The saved text has the lines of the files only.
    assert.equal(output.slice(expected.length), withoutHead(saved('list-current-files-t1.txt')));
    assert.ok(output.startsWith(expected));
  });

  for (const [fixture, options] of [
    ['names-short', []],
    ['names-old', []],
    ['gnu-tar', []],
    [
      'prefixes',
      [
        '--file-prefix=site1-',
        '--file-prefix-archive=vol-',
        '--file-prefix-manifest=man-',
        '--file-prefix-signature=sig-',
      ],
    ],
    ['multivol', []],
  ] as const) {
    test(`${fixture}: status, files, verify, restore of one file`, async () => {
      using scratch = scratchDirectory();
      const run = (...line: string[]): Promise<Said> =>
        runOn(scratch, fixture, [...line, '--no-encryption', ...options]);
      const status = await run('collection-status', 'DEST');
      assert.match(status.output, /Number of contained backup sets: 2\n/u);
      assert.match(status.output, /No orphaned or incomplete backup sets found/u);
      const files = await run('list-current-files', 'DEST');
      const names = files.output
        .split('\n')
        .flatMap((line) => /^\w{3} \w{3} .* \d{4} (.*)$/u.exec(line)?.[1] ?? []);
      assert.ok(names.length > 3 && names[0] === '.', files.output);
      const verified = await run('verify', 'DEST', fixtures);
      assert.equal(verified.status, 0, verified.errors);
      assert.match(verified.output, /Verify complete: \d+ files compared, 0 differences found\./u);
    });
  }

  test('an encrypted one with PASSPHRASE, and with an answer', async () => {
    using scratch = scratchDirectory();
    const secret = { PASSPHRASE: 'fixture pass phrase' };
    const target = scratch.of('restored');
    const line = ['restore', '--file-to-restore', 'plain.txt', 'DEST', target];
    assert.equal((await runOn(scratch, 'symmetric', line, secret)).status, 0);
    assert.equal(readFileSync(target, 'utf8'), 'hello duplicity\n');
    // With copies of everything that is needed nobody has to be asked.
    assert.equal((await runOn(scratch, 'symmetric', ['ls', 'DEST'])).status, 0);
    assert.equal((await runOn(scratch, 'symmetric', ['st', 'DEST'])).status, 0);
    const wrong = await runOn(scratch, 'symmetric', ['verify', 'DEST', fixtures], {
      PASSPHRASE: 'x',
    });
    assert.equal(wrong.status, 31);
    assert.match(wrong.errors, /GPGError: GPG Failed/u);
    const nobody = await runOn(scratch, 'symmetric', ['verify', 'DEST', fixtures]);
    assert.equal(nobody.status, 30);
    assert.match(nobody.errors, /set PASSPHRASE/u);
  });

  test('a flipped bit, a lost volume, a lost manifest', async () => {
    using scratch = scratchDirectory();
    const line = ['--no-encryption', 'restore', 'DEST', scratch.of('target')];
    assert.equal((await runOn(scratch, 'multivol', ['st', 'DEST'])).status, 0);
    const volume = scratch.of('multivol', 'duplicity-full.20231114T221320Z.vol2.difftar.gz');
    const good = readFileSync(volume);
    const bad = Buffer.from(good);
    bad[1000]! ^= 1;
    writeFileSync(volume, bad);
    const flipped = await runOn(scratch, 'multivol', line);
    assert.equal(flipped.status, 21);
    assert.match(
      flipped.errors,
      /hash mismatch for file:\n duplicity-full\.20231114T221320Z\.vol2/u,
    );
    rmSync(scratch.of('target'), { recursive: true, force: true });
    rmSync(volume);
    const lost = await runOn(scratch, 'multivol', ['st', 'DEST']);
    assert.equal(lost.status, 0);
    assert.match(lost.output, /lacks volume 2/u);
    assert.equal((await runOn(scratch, 'multivol', line)).status, 30);
    const verified = await runOn(scratch, 'multivol', [
      '--no-encryption',
      '--ignore-errors',
      'verify',
      'DEST',
      fixtures,
    ]);
    assert.equal(verified.status, 1);
    assert.match(verified.errors, /could not be verified/u);
    assert.ok(!existsSync(scratch.of('target')), 'nothing was restored');
    writeFileSync(volume, good);
    rmSync(scratch.of('multivol', 'duplicity-inc.20231114T221320Z.to.20231115T221320Z.manifest'));
    const incomplete = await runOn(scratch, 'multivol', ['st', 'DEST']);
    assert.match(incomplete.output, /and 1 incomplete backup set\./u);
  });

  test('the copies stay when the whole destination has gone', async () => {
    using scratch = scratchDirectory();
    const line = ['list-current-files', 'DEST', '--no-encryption'];
    assert.equal((await runOn(scratch, 'multivol', line)).status, 0);
    const copies = readdirSync(scratch.of('cache', 'multivol'));
    renameSync(scratch.of('multivol'), scratch.of('gone'));
    const url = `file://${scratch.of('multivol')}`;
    const place = ['--archive-dir', scratch.of('cache'), '--name', 'multivol'];
    const { status } = await runForTest(['duplicity', 'ls', url, '--no-encryption', ...place], {
      environment: { HOME: scratch.path },
    });
    assert.equal(status, 30);
    assert.deepEqual(readdirSync(scratch.of('cache', 'multivol')), copies);
  });
});

function withoutHead(text: string): string {
  const lines = text.split('\n');
  return lines.slice(lines.findIndex((line) => line.endsWith(' .'))).join('\n');
}
