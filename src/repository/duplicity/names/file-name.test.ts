import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';

import fc from 'fast-check';

import { hasCode } from '../../../base/errors.ts';
import { type ArchiveFileName, FileNaming } from './file-name.ts';
import { formatLocalTime, parseFileTime } from './file-time.ts';

const fixtures = new URL('../../../../test/fixtures/duplicity/', import.meta.url).pathname;
const t0 = 1_700_000_000;
const t1 = 1_700_086_400;
const plain = new FileNaming();

function full(more: Partial<ArchiveFileName>): ArchiveFileName {
  return {
    kind: 'volume',
    set: 'full',
    start: undefined,
    end: t0,
    volume: undefined,
    coding: 'plain',
    partial: false,
    ...more,
  };
}

function incremental(more: Partial<ArchiveFileName>): ArchiveFileName {
  return { ...full(more), set: 'incremental', start: t0, end: t1 };
}

test('names are read as what they say, and made again', () => {
  for (const [name, file] of [
    ['duplicity-full.20231114T221320Z.vol12.difftar.gz', full({ volume: 12, coding: 'gzip' })],
    ['duplicity-full.20231114T221320Z.vol1.difftar', full({ volume: 1 })],
    ['duplicity-full.20231114T221320Z.manifest.gpg', full({ kind: 'manifest', coding: 'openpgp' })],
    ['duplicity-full.20231114T221320Z.manifest.part', full({ kind: 'manifest', partial: true })],
    [
      'duplicity-full-signatures.20231114T221320Z.sigtar.gz',
      full({ kind: 'signatures', coding: 'gzip' }),
    ],
    [
      'duplicity-new-signatures.20231114T221320Z.to.20231115T221320Z.sigtar.part',
      incremental({ kind: 'signatures', partial: true }),
    ],
    [
      'duplicity-inc.20231114T221320Z.to.20231115T221320Z.vol3.difftar.gpg',
      incremental({ volume: 3, coding: 'openpgp' }),
    ],
    [
      'duplicity-inc.20231114T221320Z.to.20231115T221320Z.manifest',
      incremental({ kind: 'manifest' }),
    ],
    [
      'duplicity-inc.20231114T221320Z.to.20231115T221320Z.jsonstat.gz',
      incremental({ kind: 'statistics', coding: 'gzip' }),
    ],
    [
      'duplicity-full.20231114T221320Z.jsonstat.gpg',
      full({ kind: 'statistics', coding: 'openpgp' }),
    ],
  ] as const) {
    assert.deepEqual(plain.parse(name), file, name);
    assert.equal(plain.make(file), name);
  }
});

test('short names are read in every style and made in their own', () => {
  const short = new FileNaming({ style: 'short' });
  for (const [name, file] of [
    ['df.s44we8.1.dt.z', full({ volume: 1, coding: 'gzip' })],
    ['df.s44we8.rs.dt.g', full({ volume: 1000, coding: 'openpgp' })],
    ['df.s44we8.m', full({ kind: 'manifest' })],
    ['dfs.s44we8.st.z', full({ kind: 'signatures', coding: 'gzip' })],
    ['di.s44we8.s46r28.m.p', incremental({ kind: 'manifest', partial: true })],
    ['di.s44we8.s46r28.2.dt', incremental({ volume: 2 })],
    ['dns.s44we8.s46r28.st.g', incremental({ kind: 'signatures', coding: 'openpgp' })],
  ] as const) {
    assert.deepEqual(plain.parse(name), file, name);
    assert.equal(short.make(file), name);
  }
});

test('prefixes are taken literally, and told from one another', () => {
  const naming = new FileNaming({
    prefix: 'site1.',
    volumePrefix: 'vol-',
    manifestPrefix: 'man-',
    signaturePrefix: 'sig-',
    statisticsPrefix: 'stat-',
  });
  assert.equal(naming.parse('duplicity-full.20231114T221320Z.manifest'), undefined);
  assert.equal(naming.parse('site1Xman-duplicity-full.20231114T221320Z.manifest'), undefined);
  assert.equal(naming.parse('site1.vol-duplicity-full.20231114T221320Z.manifest'), undefined);
  for (const kind of ['volume', 'manifest', 'signatures', 'statistics'] as const) {
    const file = incremental({ kind, volume: kind === 'volume' ? 7 : undefined });
    assert.deepEqual(naming.parse(naming.make(file)), file);
    assert.ok(naming.make(file).startsWith('site1.'));
  }
});

test('prefixes that the real program would not find again are refused', () => {
  for (const prefix of ['a+b', 'a*', '(a)', '[a]', '^a', 'a|b', 'a$', 'a?', 'a{2}', 'a/b']) {
    assert.throws(
      () => new FileNaming({ volumePrefix: prefix }).checkForWriting(),
      (error) => hasCode(error, 'input/invalid'),
      prefix,
    );
  }
  new FileNaming({ prefix: 'site-1_', volumePrefix: 'v' }).checkForWriting();
  new FileNaming({ prefix: 'www.example.org-' }).checkForWriting();
});

test('all names of the real program say what lies in its directories', () => {
  const expected: Record<string, [number, number, number]> = {
    unencrypted: [3, 3, 3],
    symmetric: [3, 3, 3],
    'pubkey-signed': [3, 3, 3],
    multivol: [5, 2, 2],
    'gnu-tar': [2, 2, 2],
    'names-short': [2, 2, 2],
    'names-old': [2, 2, 2],
    prefixes: [2, 2, 2],
  };
  for (const [directory, counts] of Object.entries(expected)) {
    const naming =
      directory === 'prefixes'
        ? new FileNaming({
            prefix: 'site1-',
            volumePrefix: 'vol-',
            manifestPrefix: 'man-',
            signaturePrefix: 'sig-',
          })
        : plain;
    const files = readdirSync(`${fixtures}${directory}/dest`).map((name) => naming.parse(name));
    const count = (kind: string): number => files.filter((file) => file?.kind === kind).length;
    assert.deepEqual([count('volume'), count('manifest'), count('signatures')], counts, directory);
    for (const file of files) {
      assert.ok([t0, t1, t1 + 86_400].includes(file?.end ?? 0));
      assert.equal(file?.start, file?.set === 'full' ? undefined : (file?.end ?? 0) - 86_400);
    }
  }
});

test('what follows a name after a dot is ignored, but for the ending', () => {
  const volume = 'duplicity-full.20231114T221320Z.vol1.difftar';
  assert.deepEqual(plain.parse(`${volume}.gpg.bak`), full({ volume: 1 }));
  assert.deepEqual(plain.parse(`${volume}.old.gpg`), full({ volume: 1, coding: 'openpgp' }));
  assert.equal(plain.parse(`${volume}.gpg.par2`), undefined);
  assert.equal(plain.parse(`${volume}.gpg.vol000+01.par2`), undefined);
  assert.equal(plain.parse(`${volume}x`), undefined);
  assert.equal(plain.parse(`sub/${volume}`), undefined);
  assert.equal(plain.parse('duplicity-full.20231114T221320Z.manifest.part.gz')?.partial, true);
});

test('other names are none of ours', () => {
  for (const name of [
    '',
    'duplicity',
    'duplicity-full.manifest',
    'duplicity-full.x.manifest',
    'duplicity-full.0.manifest',
    'duplicity-full.20231314T221320Z.manifest',
    'duplicity-full.3D.manifest',
    'duplicity-full.20231114T221320Z.vol0.difftar',
    'duplicity-full.20231114T221320Z.vol99999999999999999999.difftar',
    'duplicity-inc.20231114T221320Z.to.x.manifest',
    'duplicity-inc.20231114T221320Z.manifest',
    'xduplicity-full.20231114T221320Z.manifest',
    'df.s44we8.x',
    'duplicity-full.2023/1/4.manifest',
    'df.0.m',
    'df.zzzzzzzzzzzzzzzz.m',
    `duplicity-full.${'.to.'.repeat(1000)}.manifest`,
    'lockfile',
  ]) {
    assert.equal(plain.parse(name), undefined, name);
  }
});

/** Times are what the real program (0.8.22, TZ=UTC) makes of the same text. */
test('times are read as duplicity reads them', () => {
  for (const [text, time] of [
    ['20231114T221320Z', t0],
    ['20231114t221320z', t0],
    ['20231114T221320x', t0],
    ['1700000000', t0],
    ['2023-11-14T17:13:20-05:00', t0],
    ['2023-11-15T03:43:20+05:30', t0],
    ['2023-11-14T22:13:20Z', t0],
    ['2023-11-14T18:43:20-04:30', t0],
    ['2023-11-14T22:13:20-03:30', t0 + 9000],
    ['20230231T000000Z', 1_677_801_600],
    ['20231114T221361Z', t0 + 41],
    ['20231114T221362Z', undefined],
    ['20991231T000000Z', 4_102_358_400],
    ['21000101T000000Z', undefined],
    ['19000101T000000Z', undefined],
    ['2023-11-14T22_13_20Z', undefined],
    ['2023-11-14T22:13:20-0500', undefined],
    ['2023-11-14T22:13:20-05', undefined],
    ['now', undefined],
    ['19700101T000000Z', undefined],
  ] as const) {
    assert.equal(parseFileTime(text, ':'), time, text);
  }
  assert.equal(parseFileTime('2023-11-14T17_13_20-05_00', '_'), t0);
});

test('dates and times without a zone are of this machine, without daylight saving', () => {
  const offset =
    -60 * Math.max(...[0, 6].map((month) => new Date(2023, month, 1).getTimezoneOffset()));
  const midnight = Date.UTC(2023, 6, 4) / 1000 - offset;
  for (const text of ['2023-07-04', '2023/7/4', '7/4/2023', '07-04-2023', '20230704Z']) {
    assert.equal(parseFileTime(text, ':'), midnight, text);
  }
  assert.equal(parseFileTime('2023-07-04T00:00:00', ':'), midnight);
});

const times = fc.integer({ min: 1, max: Date.UTC(2099, 0, 1) / 1000 });
const files = fc
  .record({
    kind: fc.constantFrom(
      'volume' as const,
      'manifest' as const,
      'signatures' as const,
      'statistics' as const,
    ),
    start: fc.option(times, { nil: undefined }),
    end: times,
    number: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    coding: fc.constantFrom('plain' as const, 'gzip' as const, 'openpgp' as const),
    partial: fc.boolean(),
  })
  .map(({ number, ...file }): ArchiveFileName => ({
    ...file,
    set: file.start === undefined ? 'full' : 'incremental',
    volume: file.kind === 'volume' ? number : undefined,
    partial: file.partial && file.kind !== 'volume',
  }));

test('every name that is made is read again', () => {
  fc.assert(
    fc.property(
      files,
      fc.constantFrom('standard' as const, 'short' as const, 'old' as const),
      fc.stringMatching(/^[a-z0-9.+_-]{0,6}$/u),
      fc.constantFrom(':', '_'),
      (file, style, prefix, timeSeparator) => {
        const naming = new FileNaming({ style, prefix, manifestPrefix: 'm-', timeSeparator });
        // In the hour that comes twice a local time without its zone would not be enough.
        assert.deepEqual(naming.parse(naming.make(file)), file);
        assert.equal(naming.parse(`x${naming.make(file)}`), undefined);
      },
    ),
    { numRuns: 1000 },
  );
});

test('any text is read or refused', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.constantFrom('duplicity-full.', 'duplicity-inc.', 'df.', 'di.'),
      (text, head) => {
        const file = plain.parse(`${head}${text}.manifest`);
        assert.ok(file === undefined || Number.isSafeInteger(file.end));
      },
    ),
  );
});

test('local times carry their zone, and are read as they were meant', () => {
  fc.assert(
    fc.property(times, (time) => {
      assert.equal(parseFileTime(formatLocalTime(time, ':'), ':'), time);
    }),
  );
});

test('times that no name can hold are refused', () => {
  for (const end of [0, -1, 1.5, 5_000_000_000, Number.NaN]) {
    assert.throws(
      () => plain.make(full({ kind: 'manifest', end })),
      (error) => hasCode(error, 'input/invalid'),
    );
  }
});
