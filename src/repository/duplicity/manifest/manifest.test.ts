import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import fc from 'fast-check';

import { concatBytes, utf8 } from '../../../base/bytes.ts';
import { hasCode } from '../../../base/errors.ts';
import { firstCutOff, type Manifest, manifestDifference, volumesHolding } from './manifest.ts';
import { ManifestParser, parseManifest, type ParseManifestOptions } from './parse-manifest.ts';
import { quoted, unquoted } from './quoting.ts';
import { manifestFileList, manifestHeader, manifestVolume } from './write-manifest.ts';

const fixtures = new URL('../../../../test/fixtures/duplicity/', import.meta.url).pathname;

function write({ hostname, sourcePath, volumes, files }: Manifest): Uint8Array {
  return concatBytes(
    manifestHeader({ hostname, sourcePath }),
    ...volumes.map(manifestVolume),
    ...(files === undefined ? [] : [manifestFileList(files)]),
  );
}

function parse(text: string, options: Partial<ParseManifestOptions> = {}): Manifest {
  return parseManifest(utf8(text), { name: 'm', files: true, ...options });
}

function section(number: number, from = '.', to = 'z', hash = 'a'.repeat(40)): string {
  return `Volume ${number}:\n    StartingPath   ${from}  \n    EndingPath     ${to}  \n    Hash SHA1 ${hash}\n`;
}

test('manifests of the real program are read, and written again byte for byte', () => {
  const names = globSync(['*/dest/*manifest', '*/dest/*.m', '*/cache/*.manifest'], {
    cwd: fixtures,
  });
  assert.equal(names.length, 16);
  for (const name of names) {
    const bytes = new Uint8Array(readFileSync(fixtures + name));
    const manifest = parseManifest(bytes, { name, files: true });
    assert.equal(manifest.hostname, 'fixture-host');
    assert.deepEqual(manifest.sourcePath, utf8('/mnt/source tree'));
    assert.deepEqual(manifest.problems, []);
    assert.deepEqual(Buffer.from(write(manifest)), Buffer.from(bytes), name);
  }
});

test('a manifest of several volumes says where each starts and ends', () => {
  const name = `${fixtures}multivol/dest/duplicity-full.20231114T221320Z.manifest`;
  const manifest = parseManifest(new Uint8Array(readFileSync(name)), { name });
  assert.equal(manifest.files, undefined);
  assert.deepEqual(
    manifest.volumes.map(({ number, start, end }) => [
      number,
      Buffer.from(start.path).toString(),
      start.block,
      Buffer.from(end.path).toString(),
      end.block,
    ]),
    [
      [1, '', undefined, 'big.dat', 20],
      [2, 'big.dat', 21, 'sub/mid.dat', 4],
      [3, 'sub/mid.dat', undefined, 'z-last.txt', undefined],
    ],
  );
  const holding = (path: string): number[] =>
    volumesHolding(manifest, utf8(path)).map(({ number }) => number);
  assert.deepEqual(holding(''), [1, 2, 3]);
  assert.deepEqual(holding('big.dat'), [1, 2]);
  assert.deepEqual(holding('sub'), [2, 3]);
  assert.deepEqual(holding('sub/mid.dat'), [2, 3]);
  assert.deepEqual(holding('a-first.txt'), [1]);
  assert.deepEqual(holding('z-last.txt'), [3]);
  assert.deepEqual(holding('zz'), []);
});

const name = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => {
  const clean = bytes.map((byte) => (byte === 0x2f || byte === 0 ? 0x61 : byte));
  return clean.length === 1 && clean[0] === 0x2e ? utf8('a') : clean;
});
const path = fc.array(name, { maxLength: 4 }).map((parts) => {
  const joined = parts.flatMap((part, at) => (at === 0 ? [part] : [utf8('/'), part]));
  return concatBytes(...joined);
});
const position = fc.record(
  { path, block: fc.option(fc.nat(), { nil: undefined }) },
  { noNullPrototype: true },
);
const hexDigits = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const manifests = fc.record(
  {
    hostname: fc.option(fc.stringMatching(/^[a-z][a-z.-]{0,20}$/u), { nil: undefined }),
    sourcePath: fc.option(
      path.filter((bytes) => bytes.length > 0),
      { nil: undefined },
    ),
    volumes: fc
      .array(fc.record({ start: position, end: position, hash: hexDigits, extra: fc.boolean() }), {
        minLength: 1,
        maxLength: 5,
      })
      .map((list) =>
        list.map(({ start, end, hash, extra }, at) => {
          const hashes = new Map([['SHA1', hash]]);
          if (extra) hashes.set('SHA256', hash + hash.slice(0, 24));
          return { number: at + 1, start, end, hashes };
        }),
      ),
    files: fc.option(
      fc.array(
        fc.record(
          {
            change: fc.constantFrom('new' as const, 'changed' as const, 'deleted' as const),
            path: path.filter((bytes) => bytes.length > 0),
          },
          { noNullPrototype: true },
        ),
      ),
      { nil: undefined },
    ),
  },
  { noNullPrototype: true },
);

test('what is written is read again, in whatever pieces it comes', () => {
  fc.assert(
    fc.property(manifests, fc.nat({ max: 40 }), (given, size) => {
      const isListWhole = given.files !== undefined;
      const manifest: Manifest = { ...given, isListWhole, otherLines: [], problems: [] };
      const bytes = write(manifest);
      const parser = new ManifestParser({ name: 'm', files: true });
      for (let at = 0; at < bytes.length; at += size + 1) {
        parser.update(bytes.slice(at, at + size + 1));
      }
      assert.deepEqual(parser.finish(), manifest);
    }),
  );
});

test('damaged bytes give a manifest or an error that names the file', () => {
  const whole = utf8(`Hostname h\n${section(1)}${section(2)}Filelist 1\n    new      a\n`);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })), { maxLength: 6 }),
      fc.nat({ max: whole.length }),
      (changes, length) => {
        const bytes = whole.slice(0, length);
        for (const [at, byte] of changes) if (at < length) bytes[at] = byte;
        try {
          parseManifest(bytes, { name: 'some.manifest', files: true });
        } catch (error) {
          assert.ok(hasCode(error, 'repository/damaged'), String(error));
          assert.match(error.message, /"some\.manifest" is damaged: line \d+: /u);
        }
      },
    ),
  );
});

test('without the list of files everything else is the same, also where it is damaged or comes in pieces', () => {
  const list = '    new      a\n    changed  "b\\x20c"\n    deleted  d\n    new      e\n';
  const whole = utf8(`Hostname h\nFilelist 4\n${list}${section(1)}${section(2)}`);
  const outcome = (bytes: Uint8Array, size: number, files: boolean): unknown => {
    try {
      const parser = new ManifestParser({ name: 'm', files });
      for (let at = 0; at < bytes.length; at += size) parser.update(bytes.slice(at, at + size));
      return { ...parser.finish(), files: undefined };
    } catch (error) {
      assert.ok(hasCode(error, 'repository/damaged'));
      return error.message;
    }
  };
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.nat({ max: whole.length - 1 }), fc.constantFrom('\n', ' ', '"', 'n', 'd', 'V')),
        {
          maxLength: 4,
        },
      ),
      fc.integer({ min: 1, max: whole.length }),
      (changes, size) => {
        const bytes = whole.slice();
        for (const [at, character] of changes) bytes[at] = character.charCodeAt(0);
        assert.deepEqual(outcome(bytes, size, false), outcome(bytes, size, true));
      },
    ),
    { numRuns: 2000 },
  );
});

test('a cut manifest is never taken for a whole one', () => {
  const whole = `Hostname h\n${section(1)}${section(2)}Filelist 2\n    new      a\n    deleted  b\n`;
  for (let length = 0; length < whole.length; length++) {
    let manifest: Manifest;
    try {
      manifest = parse(whole.slice(0, length));
    } catch (error) {
      assert.ok(hasCode(error, 'repository/damaged'), String(error));
      continue;
    }
    const atSection = whole.slice(length).match(/^(?:Volume 2|Filelist|    Hash)/u) !== null;
    assert.ok(manifest.problems.length > 0 || atSection, `cut at ${length}`);
  }
});

test('of repeated sections the last one counts, and what lies behind it in number is lost', () => {
  const numbers = (text: string): [number, string][] =>
    parse(text).volumes.map(({ number, end }) => [number, Buffer.from(end.path).toString()]);
  const resumed = section(1) + section(2, 'a', 'b') + section(2, 'a', 'c') + section(3, 'c', 'd');
  assert.deepEqual(numbers(resumed), [[1, 'z'], [2, 'c'], [3, 'd']]); // prettier-ignore
  const lost = section(1) + section(2, 'a', 'b') + section(3, 'b', 'c') + section(2, 'a', 'd');
  assert.deepEqual(numbers(lost), [[1, 'z'], [2, 'd']]); // prettier-ignore
  const cutThenResumed = `${section(1)}Volume 2:\n    StartingPath   a  \n${section(2, 'a', 'b')}`;
  assert.deepEqual(numbers(cutThenResumed), [[1, 'z'], [2, 'b']]); // prettier-ignore
});

test('keywords may be of either case, the list of files anywhere, and unknown lines are kept or ignored', () => {
  const manifest = parse(
    `X-Other 1\nHOSTNAME h\nHostname later\nlocaldir "/a\\x20b"\nFilelist 1\n    new      "x\\x0ay"\n${section(
      1,
    )
      .toUpperCase()
      .replace(
        'SHA1',
        'sha1',
      )}    Future thing\nVolume 2:\n  startingpath b 7\n  ENDINGPATH c\n hash sha256 ${'A'.repeat(64)}\n`,
  );
  assert.equal(manifest.hostname, 'h');
  assert.deepEqual(manifest.sourcePath, utf8('/a b'));
  assert.deepEqual(manifest.files, [{ change: 'new', path: utf8('x\ny') }]);
  assert.deepEqual(manifest.otherLines, [utf8('X-Other 1')]);
  assert.equal(manifest.volumes[0]?.hashes.get('SHA1'), 'a'.repeat(40));
  assert.deepEqual(manifest.volumes[1]?.start, { path: utf8('b'), block: 7 });
  assert.equal(manifest.volumes[1]?.hashes.get('SHA256'), 'a'.repeat(64));
  assert.deepEqual(manifest.problems, []);
});

test('sections that are missing and lists that are short are said', () => {
  assert.match(parse(section(1) + section(3)).problems[0] ?? '', /sections are missing/u);
  const short = parse(`${section(1)}Filelist 2\n    new      a\n`);
  assert.deepEqual(short.problems, ['Line 5: 2 changed files are announced, 1 are listed']);
});

for (const [what, text] of [
  ['nothing at all', ''],
  ['no volume', 'Hostname h\n'],
  ['something else', '\x1f\x8b\x08\x00'],
  ['a number that is none', 'Volume x:\n'],
  ['volume 0', section(0)],
  ['no end', 'Volume 1:\n    StartingPath   .  \n'],
  ['a bad block', section(1).replace('.  ', '. x')],
  ['an escape that is none', section(1, String.raw`"a\y20"`)],
  ['a quotation that does not end', section(1, '"a')],
  ['a short hash', section(1, '.', 'z', 'a'.repeat(39))],
  ['a hash of other letters', section(1, '.', 'z', 'g'.repeat(40))],
  ['an endless line', 'x'.repeat(1024 * 1024 + 1)],
] as const) {
  test(`a manifest with ${what} is damaged`, () => {
    assert.throws(
      () => parse(text),
      (error) => hasCode(error, 'repository/damaged') && error.message.includes('"m"'),
    );
  });
}

test('the manifest of an unfinished run may end anywhere', () => {
  const whole = `Hostname h\n${section(1)}${section(2)}`;
  for (let length = 0; length <= whole.length; length++) {
    const { volumes } = parse(whole.slice(0, length), { unfinished: true });
    const hash = 'a'.repeat(40);
    const complete = whole.slice(0, length).split(`    Hash SHA1 ${hash}\n`).length - 1;
    assert.equal(volumes.length, complete, `cut at ${length}`);
  }
});

test('files of a list can be taken one by one', () => {
  const found: string[] = [];
  const manifest = parse(`Filelist 2\n    new      a\n    changed  "b\\x20c"\n${section(1)}`, {
    onFile: ({ change, path: file }) => found.push(`${change} ${Buffer.from(file).toString()}`),
  });
  assert.deepEqual(found, ['new a', 'changed b c']);
  assert.deepEqual(manifest.files, []);
});

test('a list that nobody wants is passed over no further than it goes, wherever its pieces begin', () => {
  const outcome = (text: string, at: number, files: boolean): unknown => {
    const parser = new ManifestParser({ name: 'm', files });
    parser.update(utf8(text.slice(0, at)));
    parser.update(utf8(text.slice(at)));
    return { ...parser.finish(), files: undefined };
  };
  for (const text of [
    `${section(1)}Filelist 1\n    new      a\n    new      b\n`,
    `${section(1)}Filelist 2\n    new      a    new      b\n    new      c\n`,
  ]) {
    for (let at = 0; at < text.length; at++) {
      assert.deepEqual(outcome(text, at, false), outcome(text, at, true), `${at}`);
    }
  }
});

test('a list of files tells that nothing was cut off where it is whole and stands at the end', () => {
  const list = 'Filelist 1\n    new      a\n';
  const isCut = (text: string): boolean => firstCutOff(parse(text), [1, 2]) === 2;
  assert.ok(!isCut(`${section(1)}${list}`));
  assert.ok(!isCut(`${section(1)}Filelist 0\n`));
  assert.ok(isCut(section(1)));
  assert.ok(isCut(`${section(1)}Filelist 2\n    new      a\n`));
  assert.ok(isCut(`${list}${section(1)}`));
});

test('a manifest that ends in the middle of a file was cut, also where no more volumes are left', () => {
  assert.equal(firstCutOff(parse(section(1, '.', 'z 3')), [1]), 2);
  assert.equal(firstCutOff(parse(section(1)), [1]), undefined);
});

test('manifests that differ in volumes, host, directory or hashes are told apart', () => {
  const base = parse(`Hostname h\nLocaldir /a\n${section(1)}`);
  assert.equal(
    manifestDifference(base, parse(`Hostname h\nLocaldir /a\n${section(1)}Filelist 0\n`)),
    undefined,
  );
  for (const other of [
    `Hostname i\nLocaldir /a\n${section(1)}`,
    `Hostname h\n${section(1)}`,
    `Hostname h\nLocaldir /b\n${section(1)}`,
    `Hostname h\nLocaldir /a\n${section(1)}${section(2)}`,
    `Hostname h\nLocaldir /a\n${section(2)}`,
    `Hostname h\nLocaldir /a\n${section(1, '.', 'z', 'b'.repeat(40))}`,
  ]) {
    assert.notEqual(manifestDifference(base, parse(other)), undefined, other);
  }
});

test('quoting changes only what it must', () => {
  assert.deepEqual(quoted(utf8('a b')), utf8('"a\\x20b"'));
  assert.deepEqual(
    quoted(utf8(`'"\\\t\n\v\f\r`)),
    utf8('"\\x27\\x22\\x5c\\x09\\x0a\\x0b\\x0c\\x0d"'),
  );
  assert.deepEqual(quoted(Uint8Array.of(1, 0xe9, 0xff)), Uint8Array.of(1, 0xe9, 0xff));
  assert.equal(unquoted(utf8('"')), undefined);
  assert.equal(unquoted(utf8('"\\x2"')), undefined);
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.deepEqual(unquoted(quoted(bytes)), bytes);
    }),
  );
});

test('a host name of two lines is refused', () => {
  assert.throws(
    () => manifestHeader({ hostname: 'a\nVolume 1:', sourcePath: undefined }),
    (error) => hasCode(error, 'input/invalid'),
  );
});
