import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { encodeTarHeader } from './tar-header.ts';
import type { TarEntry } from './tar-entry.ts';

/**
 * Reads entries as JSON lines; answers with the header that Python's tarfile writes for each, and with what it reads in ours.
 */
const script = `
import io, json, sys, tarfile
text = lambda hexes: bytes.fromhex(hexes).decode('utf-8', 'surrogateescape')
back = lambda string: string.encode('utf-8', 'surrogateescape').hex()
kinds = {'file': b'0', 'directory': b'5', 'symlink': b'2', 'hard-link': b'1', 'fifo': b'6', 'character-device': b'3', 'block-device': b'4'}
answers = []
for line in sys.stdin:
    given = json.loads(line)
    info = tarfile.TarInfo(text(given['name']))
    info.type = kinds[given['type']]
    info.linkname = text(given['linkName'])
    for key in ('mode', 'uid', 'gid', 'size', 'mtime', 'uname', 'gname', 'devmajor', 'devminor'):
        setattr(info, key, given[key])
    own = info.create_pax_header(info.get_info(), 'utf-8')
    if given['records']:
        # Python puts the records it is given first, ours come behind its own.
        records = tarfile.TarFile(fileobj=io.BytesIO(own + bytes(1024))).next().pax_headers
        records.pop('hdrcharset', None)
        if 'path' in records:
            # Reading drops the slash at the end.
            records['path'] = info.get_info()['name']
        records.update({key: text(value) for key, value in given['records'].items()})
        info.pax_headers = records
        own = info.tobuf(tarfile.PAX_FORMAT, 'utf-8', 'surrogateescape')
    ours = bytes.fromhex(given['header'])
    read = tarfile.TarFile(fileobj=io.BytesIO(ours + bytes(given['size'] + 1024) if given['size'] < 4096 else ours)).next()
    answers.append({
        'header': own.hex(), 'name': back(read.name), 'linkName': back(read.linkname), 'kind': read.type.decode(),
        'numbers': [read.mode, read.uid, read.gid, read.size, int(read.mtime), read.devmajor, read.devminor],
        'owners': [read.uname, read.gname],
        'records': {key: back(read.pax_headers.get(key, '?')) for key in given['records']},
    })
json.dump(answers, sys.stdout)
`;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const byteArbitrary = fc.oneof(
  fc.constantFrom(0x61, 0x62, 0x20, 0x0a, 0x3d, 0x2e),
  fc.integer({ min: 1, max: 255 }).filter((byte) => byte !== 0x2f),
);

/** Names that are text or not, short and long, of several components. */
const nameArbitrary = fc
  .oneof(
    fc
      .string({ minLength: 1, maxLength: 130, unit: 'binary' })
      .map((text) => Buffer.from(text, 'utf8')),
    fc
      .string({ minLength: 90, maxLength: 110, unit: 'grapheme-ascii' })
      .map((text) => Buffer.from(text, 'utf8')),
    fc.array(byteArbitrary, { minLength: 1, maxLength: 260 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom(
        'e282',
        'f0908080',
        'f08f8080',
        'eda080',
        'ee8080',
        'f4908080',
        'c0af',
        'f09f9880',
        'efbfbf',
        'e28241',
        'f0a0',
      )
      .map((text) => Buffer.from(text, 'hex')),
  )
  .map((bytes) => new Uint8Array(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x5f : byte))))
  .map((bytes) => new Uint8Array([...Buffer.from('snapshot/'), ...bytes]));

const ownerArbitrary = fc.option(
  fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom('a', 'b', '-', 'é', '日', '😀') }),
  { nil: undefined },
);
const idArbitrary = fc.oneof(
  fc.nat(70_000),
  fc.constantFrom(0o7777777, 0o7777777 + 1, 2 ** 31, 2 ** 32 - 2),
);

const entryArbitrary: fc.Arbitrary<TarEntry> = fc
  .record({
    name: nameArbitrary,
    hasSlash: fc.boolean(),
    type: fc.constantFrom(
      'file',
      'directory',
      'symlink',
      'hard-link',
      'fifo',
      'character-device',
      'block-device',
    ),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: idArbitrary,
    gid: idArbitrary,
    user: ownerArbitrary,
    group: ownerArbitrary,
    mtime: fc.oneof(
      fc.nat(2 ** 31 - 1),
      fc.constantFrom(0, 8_589_934_591, 8_589_934_592, 99_999_999_999),
    ),
    size: fc.oneof(fc.nat(4000), fc.constantFrom(8 ** 11 - 1, 8 ** 11, 2 ** 45)),
    linkName: nameArbitrary,
    device: fc.tuple(fc.nat(4095), fc.nat(1_048_575)),
    records: fc.dictionary(
      fc
        .string({ minLength: 1, maxLength: 10, unit: fc.constantFrom('a', 'é', '.', ' ') })
        .map((key) => `SCHILY.xattr.user.${key}`),
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.constant(new Uint8Array(Buffer.from('12 hdrcharset=\xff\xfe\n', 'latin1'))),
        fc.constant(new Uint8Array(Buffer.from('1700000000.123456789'))),
      ),
      { maxKeys: 3 },
    ),
  })
  .map(({ hasSlash, device: [major, minor], records, ...entry }) => {
    const isLink = entry.type === 'symlink' || entry.type === 'hard-link';
    const isDevice = entry.type.endsWith('device');
    return {
      ...entry,
      name:
        hasSlash && entry.type === 'directory' ? new Uint8Array([...entry.name, 0x2f]) : entry.name,
      size: entry.type === 'file' ? entry.size : 0,
      linkName: isLink ? entry.linkName : new Uint8Array(0),
      deviceMajor: isDevice ? major : 0,
      deviceMinor: isDevice ? minor : 0,
      records: new Map(Object.entries(records)),
    };
  });

interface Answer {
  readonly header: string;
  readonly name: string;
  readonly linkName: string;
  readonly kind: string;
  readonly numbers: readonly number[];
  readonly owners: readonly string[];
  readonly records: Readonly<Record<string, string>>;
}

const kinds = {
  file: '0',
  'hard-link': '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
  unknown: '?',
};

function askPython(entries: readonly TarEntry[]): readonly Answer[] {
  const lines = entries.map((entry) =>
    JSON.stringify({
      name: hex(entry.name),
      type: entry.type,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      size: entry.size,
      mtime: entry.mtime,
      uname: entry.user ?? '',
      gname: entry.group ?? '',
      devmajor: entry.deviceMajor,
      devminor: entry.deviceMinor,
      linkName: hex(entry.linkName),
      records: Object.fromEntries([...entry.records].map(([key, value]) => [key, hex(value)])),
      header: hex(encodeTarHeader(entry)),
    }),
  );
  const run = spawnSync('python3', ['-X', 'utf8', '-c', script], {
    input: lines.join('\n'),
    maxBuffer: 1 << 28,
  });
  assert.equal(run.status, 0, run.stderr.toString());
  return JSON.parse(run.stdout.toString()) as Answer[];
}

describe('headers and Python', () => {
  const entries = fc.sample(entryArbitrary, 400);
  const answers = askPython(entries);

  test('Python writes the same bytes', () => {
    for (const [i, entry] of entries.entries()) {
      assert.equal(answers[i]?.header, hex(encodeTarHeader(entry)), JSON.stringify(entry));
    }
  });

  test('Python reads the same values', () => {
    for (const [i, entry] of entries.entries()) {
      const answer = answers[i];
      const name = Buffer.from(entry.name).toString('latin1').replace(/\/$/u, '');
      assert.equal(answer?.name, Buffer.from(name, 'latin1').toString('hex'));
      assert.equal(answer.linkName, hex(entry.linkName));
      assert.equal(answer.kind, kinds[entry.type]);
      assert.deepEqual(answer.numbers, [
        entry.mode,
        entry.uid,
        entry.gid,
        entry.size,
        entry.mtime,
        entry.deviceMajor,
        entry.deviceMinor,
      ]);
      assert.deepEqual(answer.owners, [entry.user ?? '', entry.group ?? '']);
      for (const [key, value] of entry.records) assert.equal(answer.records[key], hex(value));
    }
  });
});

describe('headers', () => {
  const entry: TarEntry = {
    name: new Uint8Array(Buffer.from('snapshot/a')),
    type: 'file',
    mode: 0o600,
    uid: 0,
    gid: 0,
    user: undefined,
    group: undefined,
    mtime: 0,
    size: 0,
    linkName: new Uint8Array(0),
    deviceMajor: 0,
    deviceMinor: 0,
    records: new Map(),
  };

  test('a time before 1970 is written as 0, a fraction is dropped', () => {
    const zero = hex(encodeTarHeader(entry));
    assert.equal(hex(encodeTarHeader({ ...entry, mtime: -5 })), zero);
    assert.equal(hex(encodeTarHeader({ ...entry, mtime: 0.9 })), zero);
  });

  test('what a tar archive cannot hold is refused', () => {
    const invalid = { code: 'input/invalid' };
    const one = new Uint8Array(1);
    const record = (key: string, length: number): ReadonlyMap<string, Uint8Array> =>
      new Map([[key, new Uint8Array(length)]]);
    assert.throws(() => encodeTarHeader({ ...entry, name: one }), invalid);
    assert.throws(() => encodeTarHeader({ ...entry, type: 'symlink', linkName: one }), invalid);
    assert.throws(() => encodeTarHeader({ ...entry, type: 'unknown' }), invalid);
    assert.throws(
      () => encodeTarHeader({ ...entry, type: 'block-device', deviceMajor: 2 ** 21 }),
      invalid,
    );
    for (const key of ['', 'a=b', 'path', 'mtime', 'hdrcharset', 'GNU.sparse.size']) {
      assert.throws(() => encodeTarHeader({ ...entry, records: record(key, 1) }), invalid, key);
    }
    assert.throws(() => encodeTarHeader({ ...entry, records: record('a', 2 ** 24) }), invalid);
  });
});
