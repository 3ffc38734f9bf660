import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { AppError } from '../../base/errors.ts';
import { chooseAction, parseCommandLine } from './parse-command-line.ts';
import { parseVerbosity } from './verbosity.ts';

const words = (text: string): string[] => text.split(' ');

const fails = (run: () => unknown, message: RegExp): void => {
  assert.throws(run, (error) => {
    assert.ok(error instanceof AppError);
    assert.match(error.message, message);
    assert.equal(error.details['exit'], 2);
    return true;
  });
};

describe('the command line of duplicity', () => {
  test('options anywhere, with values attached or not', () => {
    const line = parseCommandLine(
      words('--volsize=50 full --name x -t3D src --verbosity info file:///d -vd --dry-run'),
    );
    assert.deepEqual(line.words, ['full', 'src', 'file:///d']);
    assert.equal(line.options.number('volsize'), 50);
    assert.equal(line.options.text('name'), 'x');
    assert.equal(line.options.text('restore-time'), '3D');
    assert.equal(line.options.text('verbosity'), 'd');
    assert.ok(line.options.has('dry-run'));
    assert.ok(!line.options.has('force'));
  });

  test('old and new names are one option', () => {
    for (const option of ['--file-to-restore', '--path-to-restore', '-r']) {
      assert.equal(parseCommandLine([option, 'a b']).options.text('path-to-restore'), 'a b');
    }
    for (const option of ['--time', '--restore-time', '-t']) {
      assert.equal(parseCommandLine([option, '1D']).options.text('restore-time'), '1D');
    }
    for (const option of ['--do-not-restore-ownership', '--no-restore-ownership']) {
      assert.ok(parseCommandLine([option]).options.has('no-restore-ownership'));
    }
  });

  test('the order of selecting options is kept', () => {
    const line = parseCommandLine(
      words('--exclude a --include=b --exclude-device-files --filter-regexp --exclude c'),
    );
    assert.deepEqual(
      line.selectors.map(({ name, value }) => `${name}:${value}`),
      ['exclude:a', 'include:b', 'exclude-device-files:', 'filter-regexp:', 'exclude:c'],
    );
  });

  test('a value may begin with a dash, and names may be cut short', () => {
    const line = parseCommandLine(['--gpg-opt', '--homedir=/x', '--comp', '--', '--force']);
    assert.deepEqual(line.options.list('gpg-options'), ['--homedir=/x']);
    assert.ok(line.options.has('compare-data'));
    assert.deepEqual(line.words, ['--force']);
  });

  test('lists and pairs', () => {
    const line = parseCommandLine(
      words('--rename a b --rename c d --encrypt-key X --encrypt-key Y'),
    );
    assert.deepEqual(line.options.list('rename'), ['a', 'b', 'c', 'd']);
    assert.deepEqual(line.options.list('encrypt-key'), ['X', 'Y']);
  });

  test('mistakes', () => {
    fails(() => parseCommandLine(['--frce']), /no such option: --frce \(did you mean --force\?\)/u);
    fails(() => parseCommandLine(['-q']), /no such option: -q/u);
    fails(() => parseCommandLine(['--incl', 'x']), /ambiguous option: --incl/u);
    fails(() => parseCommandLine(['--volsize', 'x']), /invalid integer value: 'x'/u);
    fails(() => parseCommandLine(['--volsize']), /requires 1 argument/u);
    fails(() => parseCommandLine(['--force=1']), /does not take a value/u);
    fails(() => parseCommandLine(['--ssl-no-check-certificate']), /cannot be used/u);
    fails(() => parseVerbosity('loud'), /Verbosity must be one of/u);
  });

  test('options without effect are taken', () => {
    const line = parseCommandLine(words('--s3-european-buckets --s3-use-new-style src file:///d'));
    assert.equal(line.remarks.length, 1);
    assert.deepEqual(line.words, ['src', 'file:///d']);
  });

  test('levels of verbosity', () => {
    assert.deepEqual(
      ['0', '9', 'e', 'W', 'Notice', 'INFO', 'd'].map(parseVerbosity),
      [0, 9, 0, 2, 4, 8, 9],
    );
  });
});

describe('actions', () => {
  for (const [line, name] of [
    ['full src file:///d', 'full'],
    ['fb src file:///d', 'full'],
    ['incr src file:///d', 'incremental'],
    ['inc src file:///d', 'incremental'],
    ['src file:///d', 'backup'],
    ['file:///d dst', 'restore'],
    ['rest file:///d dst', 'restore'],
    ['ver file:///d dst', 'verify'],
    ['coll file:///d', 'collection-status'],
    ['st file:///d', 'collection-status'],
    ['ls file:///d', 'list-current-files'],
    ['list-current file:///d', 'list-current-files'],
    ['remove-older-than 1D file:///d', 'remove-older-than'],
    ['ra 2 file:///d', 'remove-all-but-n-full'],
    ['ri 2 file:///d', 'remove-all-inc-of-but-n-full'],
    ['cl file:///d', 'cleanup'],
    ['replicate file:///d sftp://h/d', 'replicate'],
  ] as const) {
    test(line, () => assert.equal(chooseAction(words(line)).name, name));
  }

  for (const [line, message] of [
    ['re file:///d x', /'re' not unique, could be \[.*'restore', 'replicate'\]/u],
    ['src', /Expected 2 args, got 1/u],
    ['full src', /Expected 2 args, got 1/u],
    ['collection-status', /Expected 1 args, got 0/u],
    ['src dst', /One of the arguments must be an URL/u],
    ['full file:///d src', /in this order/u],
    ['verify src file:///d', /in this order/u],
    ['remove-all-but-n-full 0 file:///d', /count must be > 0/u],
    ['cleanup src', /must be an URL/u],
  ] as const) {
    test(`${line} is refused`, () => fails(() => chooseAction(words(line)), message));
  }
});
