import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { AppError } from '../../base/errors.ts';
import { SetStatistics } from '../../repository/duplicity/writer/set-statistics.ts';
import { destinationOptions, sshOptions } from './destination-options.ts';
import { stanzaOf } from './duplicity-log.ts';
import { targetError } from '../../target/filesystem/target-error.ts';
import { exitCodeOf, fatal, hintOf } from './fatal.ts';
import { parseFilelist } from './filelist.ts';
import { GivenOptions } from './parse-command-line.ts';
import { pathText } from './path-characters.ts';
import { calendarTime, compactTime, quoted } from './python-text.ts';
import { byteText, intervalText, statisticsText } from './statistics-text.ts';

describe('values as the original writes them', () => {
  test('times', () => {
    assert.equal(calendarTime(1_700_000_000, 'UTC'), 'Tue Nov 14 22:13:20 2023');
    assert.equal(calendarTime(1, 'UTC'), 'Thu Jan  1 00:00:01 1970');
    assert.equal(calendarTime(1_700_000_000, 'America/New_York'), 'Tue Nov 14 17:13:20 2023');
    // The clocks go back at 1:00 UTC.
    assert.equal(calendarTime(1_698_541_199, 'Europe/Berlin'), 'Sun Oct 29 02:59:59 2023');
    assert.equal(calendarTime(1_698_541_200, 'Europe/Berlin'), 'Sun Oct 29 02:00:00 2023');
    assert.equal(calendarTime(1e15, 'UTC'), '1000000000000000');
    assert.equal(compactTime(1_700_000_000), '20231114T221320Z');
  });

  test('names in the machine log', () => {
    for (const [name, expected] of [
      ['plain ~', "'plain ~'"],
      [`it's "\\`, String.raw`'it\x27s "\\'`],
      ['tab\tline\n\r\u0001\u007f', String.raw`'tab\tline\n\r\x01\x7f'`],
      ['näive-日\u0301🎉', String.raw`'n\xe4ive-\u65e5\u0301\U0001f389'`],
    ] as const) {
      assert.equal(quoted(name), expected);
      assert.equal(quoted(Buffer.from(name)), expected);
    }
    assert.equal(quoted(Buffer.from([0x61, 0xe9, 0xff, 0x62])), String.raw`'a\udce9\udcffb'`);
  });

  test('paths as text keep what is no UTF-8 apart', () => {
    assert.equal(pathText(Buffer.from('aé')), 'aé');
    assert.equal(pathText(Buffer.from([0x61, 0xe9, 0x62])), 'a\udce9b');
    assert.notEqual(pathText(Buffer.from([0xe9])), pathText(Buffer.from([0xff])));
  });

  test('stanzas', () => {
    const text = Buffer.from(stanzaOf('NOTICE 1', Buffer.from('a\nb\n'))).toString();
    assert.equal(text, 'NOTICE 1\n. a\n. b\n. \n\n');
  });

  test('sizes and intervals', () => {
    assert.deepEqual(
      [0, 1, 1023, 1024, 9533, 10_240, 204_800, 5_242_880, 3 * 1024 ** 4].map(byteText),
      [
        '0 bytes',
        '1 byte',
        '1023 bytes',
        '1.00 KB',
        '9.31 KB',
        '10.0 KB',
        '200 KB',
        '5.00 MB',
        '3.00 TB',
      ],
    );
    assert.deepEqual([0, 1, 62.5, 3600, 7325].map(intervalText), [
      '0.00 seconds',
      '1 second',
      '1 minute 2.50 seconds',
      '1 hour',
      '2 hours 2 minutes 5.00 seconds',
    ]);
  });

  test('the block of statistics', () => {
    const statistics = new SetStatistics();
    statistics.startTime = 1_700_000_000_170;
    statistics.endTime = 1_700_000_000_180;
    statistics.sourceFileSize = 22_630;
    const lines = statisticsText(statistics, 'UTC').split('\n');
    assert.equal(lines[1], 'StartTime 1700000000.17 (Tue Nov 14 22:13:20 2023)');
    assert.equal(lines[3], 'ElapsedTime 0.01 (0.01 seconds)');
    assert.equal(lines[5], 'SourceFileSize 22630 (22.1 KB)');
    assert.equal(lines[0]!.length, lines.at(-2)!.length);
    assert.equal(lines.at(-1), '');
    assert.equal(lines.length, 18);
  });
});

test('hints name no option of our own commands', () => {
  const hint = 'Say "create-bucket=yes"';
  assert.match(
    hintOf(new AppError('storage/no-container', 'x', { hint })) ?? '',
    /^Make it first/u,
  );
  assert.equal(hintOf(new AppError('storage/unavailable', 'x', { hint })), hint);
});

test('a restore that had no room left is told to go on by the option that it takes', () => {
  const full = Object.assign(new Error('x'), { code: 'ENOSPC' });
  assert.match(hintOf(targetError('write', Buffer.from('f'), full)) ?? '', /--force/u);
  const denied = Object.assign(new Error('x'), { code: 'EACCES' });
  assert.equal(hintOf(targetError('write', Buffer.from('f'), denied)), undefined);
});

describe('exit codes of errors', () => {
  for (const [error, exit] of [
    [fatal(14, 'x'), 14],
    [new AppError('input/usage', 'x', { details: { missing: 'signatures' } }), 17],
    [new AppError('input/usage', 'x', { details: { mismatch: 'host' } }), 3],
    [new AppError('input/usage', 'x', { details: { mismatch: 'source' } }), 42],
    [new AppError('input/usage', 'x', { details: { mismatch: 'settings' } }), 45],
    [new AppError('repository/damaged', 'x', { details: { mismatch: 'SHA1', volume: 'v' } }), 21],
    [new AppError('repository/damaged', 'x', { details: { signature: 'none' } }), 22],
    [new AppError('repository/damaged', 'x'), 30],
    [new AppError('repository/wrong-passphrase', 'x'), 31],
    [new AppError('repository/locked', 'x'), 23],
    [new AppError('storage/unavailable', 'x'), 50],
    [new AppError('storage/access-denied', 'x'), 51],
    [new AppError('storage/out-of-space', 'x'), 53],
    [new AppError('interrupted', 'x'), 4],
    [new Error('x'), 30],
  ] as const) {
    const title =
      error instanceof AppError ? `${error.code} ${JSON.stringify(error.details)}` : 'any';
    test(title, () => assert.equal(exitCodeOf(error).exit, exit));
  }
});

describe('options of destinations', () => {
  test('become ours where the destination knows them', () => {
    const options = new GivenOptions();
    options.add('timeout', '30');
    options.add('num-retries', '7');
    options.add('s3-use-ia');
    options.add('ssl-cacert-file', '/ca');
    const known = new Set(['timeout', 'attempts', 'storage-class', 'names']);
    assert.deepEqual(destinationOptions(options, known, { mayMake: true }), {
      names: 'plain',
      timeout: '30s',
      attempts: 7,
      'storage-class': 'STANDARD_IA',
    });
  });

  test('those of ssh', () => {
    assert.deepEqual(
      sshOptions(["-oIdentityFile='/my key' -oProtocol=2", '-i /k -o UserKnownHostsFile=/h']),
      {
        'identity-file': '/k',
        'known-hosts': '/h',
        'ssh-command': 'ssh -oProtocol=2',
      },
    );
    assert.deepEqual(sshOptions([]), {});
  });
});

describe('filelists', () => {
  test('signs, quotes, comments, separators', () => {
    const text = '# no\n\n  a b  \n+ c\n- "d "\n\'e\'\n+f';
    const shown = parseFilelist(text, false).map(
      ({ pattern, isInclude }) => `${isInclude ? '+' : '-'}${pattern}|`,
    );
    assert.deepEqual(shown, ['-a b|', '+c|', '-d |', '-e|', '-+f|']);
    const separated = parseFilelist('a\nb\0c\0', true, { nulSeparated: true });
    assert.deepEqual(
      separated.map(({ pattern }) => pattern),
      ['a\nb', 'c'],
    );
  });
});
