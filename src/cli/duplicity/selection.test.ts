import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';

import { AppError } from '../../base/errors.ts';
import type { SourceEntry } from '../../model/entry.ts';
import { GlobPattern } from './glob-pattern.ts';
import type { GivenSelector } from './parse-command-line.ts';
import { makeSelection, plainSource } from './selection.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'holdfast-selection-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const tree: readonly string[] = [
  'a.txt',
  'fifo',
  'other/',
  'other/z',
  'sub/',
  'sub/Deep/',
  'sub/Deep/y.PY',
  'sub/x.py',
  'we ird/',
  'we ird/q',
];

const selector = (name: string, value = ''): GivenSelector => ({ name, value });

/** What is stored of the tree. */
function stored(selectors: readonly GivenSelector[], source = 'S'): string[] {
  const select = makeSelection(selectors, {
    source,
    root: path.join(scratch, 'S'),
    nulSeparated: false,
    now: 1_700_000_000,
    timeZone: 'UTC',
    workingDirectory: scratch,
  });
  const found = new Set<string>();
  const excluded: string[] = [];
  for (const name of tree) {
    const isDirectory = name.endsWith('/');
    const plain = isDirectory ? name.slice(0, -1) : name;
    if (excluded.some((above) => plain.startsWith(`${above}/`))) continue;
    const entry = {
      type: isDirectory ? 'directory' : plain === 'fifo' ? 'fifo' : 'file',
      mtime: { seconds: plain === 'a.txt' ? 1_600_000_000 : 1_699_999_000, nanoseconds: 0 },
    } as SourceEntry;
    const verdict = select?.(Buffer.from(plain), entry) ?? 'include';
    if (verdict === 'exclude') excluded.push(plain);
    if (verdict !== 'include') continue;
    found.add(plain);
    for (let above = path.dirname(plain); above !== '.'; above = path.dirname(above))
      found.add(above);
  }
  return Array.from(found).sort();
}

function filelist(text: string): string {
  const file = path.join(scratch, `list-${text.length}`);
  writeFileSync(file, text);
  return file;
}

const exit = (code: number) => (error: unknown) =>
  error instanceof AppError && error.details['exit'] === code;

describe('selection as the table of the real program says', () => {
  const all = selector('exclude', '**');
  for (const [selectors, expected] of [
    [
      [selector('include', 'S/sub/**.py'), all],
      ['sub', 'sub/x.py'],
    ],
    [
      [selector('include', 'S/**/Deep/*'), all],
      ['sub', 'sub/Deep', 'sub/Deep/y.PY'],
    ],
    [
      [selector('include', 'S/sub/'), all],
      ['sub', 'sub/Deep', 'sub/Deep/y.PY', 'sub/x.py'],
    ],
    [[selector('include', 'S/a.txt/'), all], []],
    [
      [selector('exclude', 'S/sub/Deep'), selector('include', 'S/sub'), all],
      ['sub', 'sub/x.py'],
    ],
    [
      [selector('include', 'S/other/[!a]'), all],
      ['other', 'other/z'],
    ],
    [
      [
        selector('exclude', 'S/sub'),
        selector('include', 'S/sub/Deep'),
        selector('exclude', 'S/other'),
      ],
      ['a.txt', 'fifo', 'we ird', 'we ird/q'],
    ],
    [[selector('include-regexp', String.raw`y\.PY$`), all], []],
    [
      [selector('include-filelist', filelist('# comment\n\n"S/we ird"\n  + S/other  \n- **\n'))],
      ['other', 'other/z', 'we ird', 'we ird/q'],
    ],
  ] as const) {
    const shown = selectors.map(({ name, value }) => `--${name} ${path.basename(value)}`);
    test(shown.join(' '), () => assert.deepEqual(stored(selectors), expected));
  }

  test('a pattern beside the source ends the run with 14', () => {
    assert.throws(() => stored([selector('include', 'sub'), all]), exit(14));
    assert.throws(() => stored([selector('exclude', '/nowhere')]), exit(14));
    assert.throws(() => stored([selector('exclude', '/')]), exit(14));
  });

  test('a last include ends it with 16, two slashes with 15, a missing list with 7', () => {
    assert.throws(() => stored([selector('include', 'S/sub')]), exit(16));
    assert.throws(() => stored([selector('exclude', 'S//sub')]), exit(15));
    assert.throws(() => stored([selector('exclude', '//sub')]), exit(15));
    assert.throws(() => stored([selector('exclude-filelist', 'nowhere')]), exit(7));
  });

  // The real program refuses this where the source has capitals, because it compares its name with the pattern in lower case.
  test('the case of the source does not matter to "ignorecase:"', () => {
    assert.deepEqual(stored([selector('exclude', 'IgnoreCase:s/**')]), []);
    assert.deepEqual(stored([selector('include', 'ignorecase:s/SUB/**.PY'), all]), [
      'sub',
      'sub/Deep',
      'sub/Deep/y.PY',
      'sub/x.py',
    ]);
  });
});

describe('selection beyond the table', () => {
  const withoutSub = ['a.txt', 'fifo', 'other', 'other/z', 'we ird', 'we ird/q'];

  test('patterns are compared with the source as it was given', () => {
    assert.deepEqual(stored([selector('exclude', './sub')], plainSource('.')), withoutSub);
    assert.deepEqual(stored([selector('exclude', 'S/sub')], plainSource('./S//')), withoutSub);
    assert.deepEqual(stored([selector('exclude', '/sub')], plainSource('/')), withoutSub);
    assert.throws(() => stored([selector('exclude', 'sub')], plainSource('.')), exit(14));
    assert.equal(plainSource('/a//b/./c/'), '/a/b/c');
    assert.equal(plainSource('../x'), '../x');
  });

  test('a file that is excluded with its directory by a slash', () => {
    assert.deepEqual(stored([selector('exclude', 'S/sub/')]), withoutSub);
    assert.deepEqual(stored([selector('include', 'S/a.txt'), selector('exclude', 'S/')]), [
      'a.txt',
    ]);
    assert.deepEqual(stored([selector('exclude', '**/sub')]), withoutSub);
    assert.ok(stored([selector('exclude', 'S/[')]).includes('sub'));
  });

  test('age concerns files only', () => {
    assert.ok(!stored([selector('exclude-older-than', '1D')]).includes('a.txt'));
    assert.ok(stored([selector('exclude-older-than', '1D')]).includes('fifo'));
  });

  test('two slashes that the original does not mind end nothing, and match nothing', () => {
    for (const glob of ['S/sub//', 'S/**//x.py']) {
      assert.deepEqual(stored([selector('exclude', glob)]), stored([]), glob);
    }
    assert.deepEqual(stored([selector('exclude', '//')], '/'), stored([]));
  });

  test('brackets that hold nothing stand for themselves', () => {
    const exact = (glob: string, name: string): unknown =>
      new GlobPattern(glob).verdict(name, false);
    for (const name of ['S/[]', 'S/[!]', 'S/[^]', 'S/x[].py']) {
      assert.equal(exact(name, name), 'match');
      assert.equal(exact(name, 'S/x'), undefined);
    }
    assert.equal(exact('S/[]a]', 'S/]'), 'match');
    assert.equal(exact('S/[!]a]', 'S/]'), undefined);
    assert.equal(exact('S/[!]a]', 'S/b'), 'match');
  });

  test('marked directories go with their marks', () => {
    mkdirSync(path.join(scratch, 'S/sub'), { recursive: true });
    writeFileSync(path.join(scratch, 'S/sub/.nobackup'), '');
    const mark = selector('exclude-if-present', '.nobackup');
    assert.deepEqual(stored([selector('exclude', 'S/nothing'), mark]), withoutSub);
    // It comes first, so that the last rule is still the include.
    assert.throws(() => stored([selector('include', 'S/sub'), mark]), exit(16));
  });

  test('what is not the name of a file marks nothing', () => {
    mkdirSync(path.join(scratch, 'S/sub/Deep'), { recursive: true });
    for (const mark of ['', '.', '..', 'Deep/', './Deep', '../sub']) {
      assert.deepEqual(stored([selector('exclude-if-present', mark)]), stored([]), mark);
    }
  });

  test('listed files with their directories, and no others', () => {
    const list = selector('files-from', filelist('sub/x.py\nother\n'));
    assert.deepEqual(stored([list]), ['other', 'sub', 'sub/x.py']);
    assert.deepEqual(stored([list, selector('exclude', 'S/other')]), ['sub', 'sub/x.py']);
    assert.throws(() => stored([selector('files-from', filelist('/x'))]), exit(72));
    assert.throws(() => stored([selector('files-from', filelist(''))]), exit(73));
  });

  test('the modes of filters concern what follows', () => {
    assert.deepEqual(
      stored([selector('filter-regexp'), selector('exclude', 'S/s..$')]),
      withoutSub,
    );
    assert.deepEqual(
      stored([
        selector('filter-literal'),
        selector('exclude', 'S/s*b'),
        selector('exclude', 'S/sub'),
      ]),
      withoutSub,
    );
    assert.deepEqual(
      stored([selector('filter-ignorecase'), selector('exclude', 's/SUB')]),
      withoutSub,
    );
  });

  test('expressions of Python', () => {
    assert.deepEqual(
      stored([selector('exclude-regexp', String.raw`(?i)(?P<a>SU)B\Z`)]),
      withoutSub,
    );
    assert.throws(() => stored([selector('exclude-regexp', '(sub')]), exit(30));
  });
});
