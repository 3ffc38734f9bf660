import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Snapshot } from './snapshot.ts';
import { parseTime, selectSnapshot, splitSnapshotPath } from './snapshot-selector.ts';

const context = { now: Date.parse('2026-11-20T12:00:00Z'), timeZone: 'Europe/Berlin' };

function snapshot(id: string, time: string, state: Snapshot['state'] = 'complete'): Snapshot {
  const rest = { hostname: 'alpha', username: 'anna', signer: 'aa', paths: [], tags: [] };
  return { id: id.padEnd(32, '0'), time: Date.parse(time), state, ...rest };
}

const snapshots = [
  snapshot('abcd1', '2026-11-01T09:00:00Z'),
  snapshot('abcd2', '2026-11-10T09:00:00Z'),
  snapshot('365d', '2026-11-15T09:00:00Z'),
  snapshot('beef', '2026-11-20T11:00:00Z', 'unfinished'),
];
const selected = (selector: string): string =>
  selectSnapshot(snapshots, selector, context).id.replace(/0+$/u, '');

describe('selectSnapshot()', () => {
  test('takes the newest complete one as latest', () => {
    assert.equal(selected('latest'), '365d');
    assert.throws(() => selectSnapshot([], 'latest', context), { code: 'snapshot/missing' });
  });

  test('takes an id or the beginning of one, also of an unfinished one', () => {
    assert.equal(selected('abcd2'), 'abcd2');
    assert.equal(selected('beef'), 'beef');
    assert.equal(selected('ABCD1'.padEnd(32, '0')), 'abcd1');
  });

  test('refuses the beginning of several ids and names them', () => {
    assert.throws(
      () => selected('abcd'),
      (error: Error & { code: string; hint: string }) => {
        assert.equal(error.code, 'input/invalid');
        assert.match(error.hint, /abcd1000.*2026-11-01 10:00:00/u);
        assert.match(error.hint, /abcd2000/u);
        return true;
      },
    );
  });

  test('refuses what is an id and a length of time', () => {
    assert.throws(() => selected('365d'), { code: 'input/invalid' });
    assert.equal(selected('365d0'), '365d');
  });

  test('takes the newest complete one that is not younger than a time', () => {
    assert.equal(selected('now'), '365d');
    assert.equal(selected('2026-11-10T09:00:00Z'), 'abcd2');
    assert.equal(selected('2026-11-10T08:59:59Z'), 'abcd1');
    assert.equal(selected('10D'), 'abcd2');
    assert.equal(selected('11D ago'), 'abcd1');
    assert.throws(() => selected('2026-11-01'), {
      code: 'snapshot/missing',
      hint: /2026-11-01 10:00:00/u,
    });
  });

  test('says that nothing has such a name', () => {
    for (const text of ['ffff', 'abc', 'yesterday', 'f'.repeat(32), '']) {
      assert.throws(() => selected(text), { code: 'snapshot/missing' }, text);
    }
  });
});

describe('parseTime()', () => {
  const read = (text: string): string => new Date(parseTime(text, context)).toISOString();

  test('reads dates in the zone of the context, and zones that are named', () => {
    assert.equal(read('2026-11-01'), '2026-10-31T23:00:00.000Z');
    assert.equal(read('2026-07-01T10:00'), '2026-07-01T08:00:00.000Z');
    assert.equal(read('2026-07-01 10:00:05.25'), '2026-07-01T08:00:05.250Z');
    assert.equal(read('2026-07-01T10:00Z'), '2026-07-01T10:00:00.000Z');
    assert.equal(read('2026-07-01T10:00+05:45'), '2026-07-01T04:15:00.000Z');
    assert.equal(read('2026-07-01T10:00:00-0330'), '2026-07-01T13:30:00.000Z');
    assert.equal(read('2026-07-01T10:00+02'), '2026-07-01T08:00:00.000Z');
  });

  test('reads lengths of time before now by the calendar', () => {
    assert.equal(read('now'), '2026-11-20T12:00:00.000Z');
    assert.equal(read('1M'), '2026-10-20T11:00:00.000Z');
    assert.equal(read('90s ago'), '2026-11-20T11:58:30.000Z');
  });

  test('refuses dates that do not exist', () => {
    for (const text of [
      '2026-02-30',
      '2026-13-01',
      '2026-11-01T25:00',
      '2026-11-1',
      'tomorrow',
      '',
    ]) {
      assert.throws(() => parseTime(text, context), { code: 'input/invalid' }, text);
    }
  });
});

describe('splitSnapshotPath()', () => {
  const cases: readonly (readonly [string, string, string | undefined])[] = [
    ['latest', 'latest', undefined],
    ['latest:/etc', 'latest', '/etc'],
    ['latest:', 'latest', ''],
    [':/etc', 'latest', '/etc'],
    ['abcd:/a:b:c', 'abcd', '/a:b:c'],
    ['latest:C:\\Users', 'latest', 'C:\\Users'],
    ['2026-11-01:/etc', '2026-11-01', '/etc'],
    ['2026-11-01T10:00', '2026-11-01T10:00', undefined],
    ['2026-11-01T10:00:/etc', '2026-11-01T10:00', '/etc'],
    ['2026-11-01T10:00:30:/etc', '2026-11-01T10:00:30', '/etc'],
    ['2026-11-01T10:00:30+02:00:/e:tc', '2026-11-01T10:00:30+02:00', '/e:tc'],
    ['3D:/new\nline', '3D', '/new\nline'],
  ];
  for (const [text, snapshotText, path] of cases) {
    test(`splits ${JSON.stringify(text)}`, () => {
      assert.deepEqual(splitSnapshotPath(text), { snapshot: snapshotText, path });
    });
  }
});
