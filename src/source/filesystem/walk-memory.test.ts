import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { test } from 'node:test';

import { rememberedNames } from '#test/support/remembered-names.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';

import { libc } from '../../base/posix/libc.ts';
import { planSources } from './source-plan.ts';
import type { Comparison, WalkMemory } from './walk-memory.ts';
import { walk, type RememberingWalkOptions, type WalkOptions } from './walk.ts';

/** Remembers sizes by path, and nothing else. */
function memoryOf(directories: Readonly<Record<string, Readonly<Record<string, number>>>>): {
  readonly memory: WalkMemory;
  readonly asked: string[];
} {
  const asked: string[] = [];
  const recall: WalkMemory['recall'] = (path) => {
    const sizes = directories[Buffer.from(path).toString()];
    if (sizes === undefined) return undefined;
    return rememberedNames(Object.keys(sizes), (name, status, quietSince) => {
      assert.equal(quietSince, 77);
      asked.push(name);
      // Those of directories are the file system's, not ours to say.
      return sizes[name] === status.size || (status.mode & 0o170000) === 0o040000;
    });
  };
  return { memory: { quietSince: 77, recall }, asked };
}

/** What a walk tells, in short. */
function told(
  root: string,
  options: RememberingWalkOptions,
  sources: readonly string[] = [root],
): string[] {
  const lines: string[] = [];
  for (const event of walk(planSources(sources), { extendedAttributes: false, ...options })) {
    const path = Buffer.from(event.path).toString().slice(root.length);
    const namesOf = (entries: readonly { readonly name: Uint8Array }[]): string =>
      entries.map(({ name }) => Buffer.from(name).toString()).join(' ');
    if (event.type === 'entries') {
      lines.push(`${path}: ${namesOf(event.entries)}`);
      event.location.release();
    } else if (event.type === 'unchanged') {
      const { count, files, bytes, subdirectories } = event;
      lines.push(`${path} unchanged: ${count} ${files} ${bytes} ${namesOf(subdirectories)}`);
      event.location.release();
    } else if (event.type === 'problem') {
      lines.push(`${path} ${event.error.code}`);
    }
  }
  return lines;
}

function sample(): { readonly root: string } & Disposable {
  const scratch = scratchDirectory();
  mkdirSync(scratch.of('tree/a'), { recursive: true });
  mkdirSync(scratch.of('tree/z'));
  writeFileSync(scratch.of('tree/a/one'), 'one');
  writeFileSync(scratch.of('tree/b'), 'bytes');
  symlinkSync('b', scratch.of('tree/c'));
  return { root: scratch.of('tree'), [Symbol.dispose]: () => scratch[Symbol.dispose]() };
}

const sizes = (root: string, wrong = 0): Parameters<typeof memoryOf>[0] => {
  const directory = 4096;
  return {
    [root]: { a: directory, b: 5, c: 1, z: directory },
    [`${root}/a`]: { one: 3 + wrong },
    [`${root}/z`]: {},
  };
};

test('directories that are as they are remembered are told whole', () => {
  using tree = sample();
  const { memory } = memoryOf(sizes(tree.root));
  assert.deepEqual(told(tree.root, { memory }), [
    ' unchanged: 4 1 5 a z',
    '/a unchanged: 1 1 3 ',
    '/z unchanged: 0 0 0 ',
  ]);
});

test('others are told entry by entry, all of them', () => {
  using tree = sample();
  const { memory } = memoryOf(sizes(tree.root, 1));
  assert.deepEqual(told(tree.root, { memory }), [
    ' unchanged: 4 1 5 a z',
    '/a: one',
    '/z unchanged: 0 0 0 ',
  ]);
  writeFileSync(`${tree.root}/d`, '');
  const more = memoryOf(sizes(tree.root));
  assert.equal(told(tree.root, { memory: more.memory })[0], ': a b c d z');
  assert.deepEqual(more.asked, ['one'], 'the number of names tells');
  rmSync(`${tree.root}/b`);
  const other = memoryOf(sizes(tree.root));
  assert.equal(told(tree.root, { memory: other.memory })[0], ': a c d z');
});

test('what leaves something out, or shows it as something else, is asked about every entry', () => {
  using tree = sample();
  const options: readonly WalkOptions[] = [
    { exclude: () => false },
    { excludeNoDump: true },
    { followLinks: true },
    { extendedAttributes: true },
  ];
  for (const option of options) {
    const { memory, asked } = memoryOf(sizes(tree.root));
    const lines = told(tree.root, { memory, ...option });
    assert.deepEqual(lines, [': a b c z', '/a: one'], JSON.stringify(option));
    assert.deepEqual(asked, []);
  }
});

test('a mark counts also in a directory that is as it was', () => {
  using tree = sample();
  const { memory } = memoryOf(sizes(tree.root));
  const lines = told(tree.root, { memory, excludeIfPresent: [Buffer.from('b')] });
  assert.deepEqual(lines, [': b']);
});

/** Finds that everything is as it was in a directory of these names. */
function agreeing(
  names: readonly string[],
  onName: (name: string) => void = () => undefined,
): WalkMemory {
  const directory = rememberedNames(names, (name) => {
    onName(name);
    return true;
  });
  return { quietSince: 77, recall: () => directory };
}

test('above the sources, where not all names count, every entry is looked at', () => {
  using tree = sample();
  const sources = [`${tree.root}/b`, `${tree.root}/c`];
  assert.deepEqual(told(tree.root, { memory: agreeing(['b', 'c']) }, sources), [': b c']);
});

test('a directory of which a name vanishes meanwhile is told entry by entry', () => {
  using tree = sample();
  for (const name of ['x', 'y']) writeFileSync(`${tree.root}/z/${name}`, '');
  const vanishing = agreeing(['x', 'y'], (name) => {
    if (name === 'x') rmSync(`${tree.root}/z/y`);
  });
  assert.deepEqual(told(`${tree.root}/z`, { memory: vanishing }), ['/y source/changed', ': x']);
});

test('a directory whose names cannot all be read is told entry by entry', (t) => {
  using tree = sample();
  writeFileSync(`${tree.root}/z/x`, '');
  const system = libc();
  const { getdents64 } = system;
  let calls = 0;
  t.mock.method(system, 'getdents64', (...call: Parameters<typeof getdents64>) =>
    calls++ === 0 ? getdents64(...call) : -1,
  );
  t.mock.method(system, 'errno', () => osConstants.errno.EIO);
  const lines = told(`${tree.root}/z`, { memory: agreeing(['x']) });
  t.mock.restoreAll();
  assert.deepEqual(lines, [' source/unreadable', ': x']);
});

test('what is remembered as a name and cannot be one is no name', () => {
  using tree = sample();
  writeFileSync(`${tree.root}/z/x`, '');
  const directory = rememberedNames(['x'], () => true);
  const comparison = (quietSince: number): Comparison => {
    const names = directory.comparison(quietSince);
    return {
      get sum() {
        return names.sum;
      },
      next(room) {
        names.next(room);
        return -1;
      },
      isAsBefore: (status) => names.isAsBefore(status),
    };
  };
  const memory = { quietSince: 77, recall: () => ({ count: 1, comparison }) };
  assert.deepEqual(told(`${tree.root}/z`, { memory }), [': x']);
});

test('a name that the file system takes for another one is not that name', () => {
  using tree = sample();
  writeFileSync(`${tree.root}/z/x`, '');
  // As "X" does where upper and lower case are the same, it leads there without being listed.
  assert.deepEqual(told(`${tree.root}/z`, { memory: agreeing(['../z/x']) }), [': x']);
  assert.deepEqual(told(`${tree.root}/z`, { memory: agreeing(['x']) }), [' unchanged: 1 1 0 ']);
});

test('as many names, of which one is another, are told entry by entry', () => {
  using tree = sample();
  for (const name of ['x', 'y']) writeFileSync(`${tree.root}/z/${name}`, '');
  for (const names of [
    ['w', 'y'],
    ['x', 'z'],
  ])
    assert.deepEqual(told(`${tree.root}/z`, { memory: agreeing(names) }), [': x y']);
});

test('a mark that is the only name, as another one was before, counts', () => {
  using tree = sample();
  for (const name of ['mark', 'x']) writeFileSync(`${tree.root}/z/${name}`, '');
  const excludeIfPresent = [Buffer.from('mark')];
  const lines = told(`${tree.root}/z`, { memory: agreeing(['x']), excludeIfPresent });
  assert.deepEqual(lines, [': mark']);
  rmSync(`${tree.root}/z/mark`);
  const unmarked = told(`${tree.root}/z`, { memory: agreeing(['x']), excludeIfPresent });
  assert.deepEqual(unmarked, [' unchanged: 1 1 0 ']);
});
