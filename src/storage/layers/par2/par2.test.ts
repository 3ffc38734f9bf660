import assert from 'node:assert/strict';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { missingPrograms } from '#test/servers/required-programs.ts';
import { damaging, flipStoredBit } from '#test/support/damaging-storage.ts';
import { type FaultScript, faulty } from '#test/support/faulty-storage.ts';
import { namesIn, pattern, rejectsWith, sourceOf } from '#test/support/storage-samples.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { runProgram } from '../../../base/process.ts';
import { collectAll } from '../../byte-stream.ts';
import { MemoryStorage } from '../../drivers/memory/memory.ts';
import { openStorage } from '../../open-storage.ts';
import type { Storage } from '../../storage.ts';
import { forward } from '../forward.ts';
import { Par2Program, type Par2Settings } from './par2-program.ts';
import { protecting } from './protecting.ts';

const missing = missingPrograms(['par2']);
const missingDuplicity = missingPrograms([
  'par2',
  'duplicity',
  '/usr/lib/python3/dist-packages/pexpect',
]);

const few: Par2Settings = {
  redundancy: 10,
  volumes: 1,
  // As many blocks as by default take the program a second for each object.
  parameters: ['-b40'],
  program: 'par2',
  environment: { PATH: process.env['PATH'] },
};

/** A protected memory, what lies in it, and what was warned of. */
function made(settings: Partial<Par2Settings> = {}, wrap = (inner: Storage): Storage => inner) {
  const inner = new MemoryStorage();
  const warnings: AppError[] = [];
  const storage = protecting(wrap(inner), {
    program: new Par2Program({ ...few, ...settings }),
    warn: (problem) => void warnings.push(problem),
  });
  return { storage, inner, warnings };
}

describe('recovery files', { skip: missing }, () => {
  test('are beside an object, with their names from it, and are not listed', async () => {
    const { storage, inner } = made();
    await storage.put('d/one', pattern(10_000));
    assert.deepEqual(await namesIn(inner, ''), ['d/one', 'd/one.par2', 'd/one.vol0+4.par2']);
    assert.deepEqual(await namesIn(storage, ''), ['d/one']);
    await rejectsWith(storage.read('d/one.par2'), 'input/invalid');
    await rejectsWith(storage.put('d/two.par2', pattern(1)), 'input/invalid');
  });

  test('lie in the directories of their objects, which are prepared and removed as ever', async () => {
    const asked: unknown[] = [];
    const { storage } = made({}, (inner) => ({
      ...forward(inner),
      localDirectories: ['/here'],
      prepare: async (prefixes) => void asked.push(prefixes),
      removeMade: async () => void asked.push('removed'),
    }));
    assert.deepEqual(storage.localDirectories, ['/here']);
    await storage.prepare?.(['a/']);
    await storage.removeMade?.();
    assert.deepEqual(asked, [['a/'], 'removed']);
    assert.equal(made().storage.prepare, undefined);
  });

  test('are as many as wanted, or one for an object that is too small for that', async () => {
    const { storage, inner } = made({ volumes: 3, redundancy: 50 });
    await storage.put('large', pattern(10_000));
    assert.equal((await namesIn(inner, 'large.vol')).length, 3);
    await storage.put('small', pattern(4));
    assert.equal((await namesIn(inner, 'small.vol')).length, 1);
    await storage.put('empty', pattern(0));
    assert.deepEqual(await namesIn(inner, 'empty'), ['empty']);
    assert.equal((await storage.read('empty')).byteLength, 0);
  });

  test('go with the object, and only those of it', async () => {
    const { storage, inner } = made();
    for (const name of ['a', 'a.vol1', 'a.b']) await storage.put(name, pattern(100));
    await storage.delete('a');
    assert.deepEqual(
      (await namesIn(inner, '')).filter((name) => !/^a\.(?:vol1|b)/u.test(name)),
      [],
    );
    assert.deepEqual(await storage.read('a.vol1'), pattern(100));
    assert.equal((await namesIn(inner, 'a.vol1')).length, 3);
  });

  test('are made anew when an object is replaced', async () => {
    const { storage, inner, warnings } = made();
    for (const size of [10_000, 500, 20_000]) {
      await storage.put('a', pattern(size, 1));
      await storage.put('a', pattern(size, 2));
      assert.deepEqual(await storage.read('a'), pattern(size, 2));
      assert.equal((await namesIn(inner, '')).length, 3);
    }
    await rejectsWith(storage.put('a', pattern(3), { ifAbsent: true }), 'storage/already-exists');
    await flipStoredBit(inner, 'a', { byte: 700, bit: 1 });
    assert.deepEqual(await storage.read('a'), pattern(20_000, 2));
    assert.equal(warnings.length, 1);
  });

  for (const name of [
    '-rm',
    'with space',
    'qu\'o"te',
    'd/ü🙂',
    'st*r',
    'back\\slash',
    '..x',
    '%',
  ]) {
    test(`repair an object called ${JSON.stringify(name)}`, async () => {
      const { storage, inner, warnings } = made();
      await storage.put(name, pattern(5000));
      await flipStoredBit(inner, name, { byte: 777, bit: 3 });
      assert.deepEqual(await storage.read(name), pattern(5000));
      assert.match(warnings[0]?.message ?? '', /was repaired/u);
    });
  }

  test('repair what a stream is read from, with several damages and a cut', async () => {
    const { storage, inner, warnings } = made({ redundancy: 20 });
    const bytes = pattern(3_000_000);
    await storage.put('a', sourceOf([bytes.subarray(0, 1000), bytes.subarray(1000)]));
    for (const byte of [0, 1_500_000, 2_000_000]) await flipStoredBit(inner, 'a', { byte, bit: 3 });
    await inner.put('a', (await inner.read('a')).slice(0, -5));
    assert.ok(Buffer.from(bytes).equals(await collectAll(await storage.get('a'))));
    assert.equal(warnings.length, 1);
    assert.ok(hasCode(warnings[0], 'repository/damaged'));
    // What is stored is not touched by reading.
    assert.equal((await inner.stat('a')).size, 2_999_995);
  });

  test('that cannot repair so much make the object damaged, never given out', async () => {
    const { storage, inner } = made();
    await storage.put('a', pattern(100_000));
    for (let byte = 0; byte < 100_000; byte += 2000)
      await flipStoredBit(inner, 'a', { byte, bit: 3 });
    await rejectsWith(storage.read('a'), 'repository/damaged');
    await rejectsWith(storage.get('a'), 'repository/damaged');
  });

  test('that are missing leave a plain object, with one warning', async () => {
    const { storage, inner, warnings } = made();
    await inner.put('a', pattern(1000));
    await inner.put('b', pattern(1000));
    assert.deepEqual(await storage.read('a'), pattern(1000));
    assert.deepEqual(await collectAll(await storage.get('b')), pattern(1000));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]?.message ?? '', /"a" has no recovery files/u);
    await storage.put('c', pattern(1000));
    await inner.delete('c.par2');
    assert.deepEqual(await storage.read('c'), pattern(1000));
  });

  test('that cannot be read leave a plain object, with a warning', async () => {
    const error = new AppError('storage/unavailable', 'The server is down');
    const { storage, inner, warnings } = made({}, (inside) => faulty(inside, { stat: [error] }));
    await inner.put('a', pattern(1000));
    assert.deepEqual(await storage.read('a'), pattern(1000));
    assert.match(warnings[0]?.message ?? '', /is down/u);
  });

  test('that are damaged themselves do no harm, and still repair', async () => {
    const { storage, inner, warnings } = made({ redundancy: 50 });
    await storage.put('a', pattern(50_000));
    const { size } = await inner.stat('a.par2');
    await inner.put('a.par2', new Uint8Array(size));
    assert.deepEqual(await storage.read('a'), pattern(50_000));
    assert.match(warnings[0]?.message ?? '', /is whole, but "a.par2" is damaged/u);
    await flipStoredBit(inner, 'a', { byte: 777, bit: 3 });
    assert.deepEqual(await storage.read('a'), pattern(50_000));
    assert.match(warnings[1]?.message ?? '', /was repaired/u);
  });

  test('of another file never let the program write to its name', async () => {
    const { storage, inner } = made({ redundancy: 100 });
    await storage.put('other', pattern(5000));
    await storage.put('own', pattern(5000, 9));
    for (const ending of ['.par2', '.vol00+40.par2'])
      await inner.put(`own${ending}`, await inner.read(`other${ending}`));
    await assert.rejects(storage.read('own'), (error) => {
      assert.ok(hasCode(error, 'repository/damaged'));
      assert.match(error.message, /is for another file, "other"/u);
      return true;
    });
  });

  test('are not asked about a range', async () => {
    const { storage } = made({}, (inner) =>
      damaging(inner, (name) => (name === 'a' ? { byte: 1, bit: 0 } : undefined)),
    );
    await storage.put('a', pattern(1000));
    const range = { offset: 10, length: 5 };
    assert.deepEqual(await storage.read('a', { range }), pattern(1000).slice(10, 15));
    assert.deepEqual(
      await collectAll(await storage.get('a', { range })),
      pattern(1000).slice(10, 15),
    );
  });
});

describe('a failure', { skip: missing }, () => {
  const error = new AppError('storage/out-of-space', 'The disk is full');

  for (const step of [1, 2]) {
    test(`to store recovery file ${step} leaves nothing of a new object`, async () => {
      const script: FaultScript = {
        put: [...Array.from({ length: step }, () => undefined), error],
      };
      const { storage, inner } = made({}, (inside) => faulty(inside, script));
      await assert.rejects(storage.put('a', pattern(1000)), error);
      assert.deepEqual(await namesIn(inner, ''), []);
    });

    test(`to store recovery file ${step} leaves a replaced object whole, with a warning`, async () => {
      const script: FaultScript = {
        put: [...Array.from({ length: 3 + step }, () => undefined), error],
      };
      const { storage, warnings } = made({}, (inside) => faulty(inside, script));
      await storage.put('a', pattern(1000, 1));
      await storage.put('a', pattern(1000, 2));
      assert.match(warnings[0]?.message ?? '', /its recovery files are not/u);
      assert.deepEqual(await storage.read('a'), pattern(1000, 2));
    });
  }

  test('to store the object leaves no recovery files', async () => {
    const { storage, inner } = made({}, (inside) => faulty(inside, { put: [error] }));
    await assert.rejects(storage.put('a', pattern(1000)), error);
    assert.deepEqual(await namesIn(inner, ''), []);
  });

  test('of the program stores nothing', async () => {
    for (const settings of [{ program: 'no-such-program' }, { parameters: ['-b99999'] }]) {
      const { storage, inner } = made(settings);
      await rejectsWith(storage.put('a', pattern(1000)), 'process/failed');
      assert.deepEqual(await namesIn(inner, ''), []);
    }
  });

  test('to delete leaves the object to be seen', async () => {
    const { storage } = made({}, (inside) => faulty(inside, { delete: [undefined, error] }));
    await storage.put('a', pattern(1000));
    await assert.rejects(storage.delete('a'), error);
    assert.deepEqual(await namesIn(storage, ''), ['a']);
  });

  test('leaves no temporary files', async () => {
    await using directory = await temporaryDirectory();
    const inner = new MemoryStorage();
    const program = new Par2Program(few);
    const storage = protecting(inner, {
      program,
      temporary: directory.path,
      warn: () => undefined,
    });
    await storage.put('a', pattern(10_000));
    await collectAll(await storage.get('a'));
    await (await storage.get('a')).cancel();
    await flipStoredBit(inner, 'a', { byte: 1, bit: 1 });
    await storage.read('a');
    for (let byte = 0; byte < 10_000; byte += 100)
      await flipStoredBit(inner, 'a', { byte, bit: 3 });
    await rejectsWith(storage.get('a'), 'repository/damaged');
    await rejectsWith(storage.get('b'), 'storage/not-found');
    assert.deepEqual(await readdir(directory.path), []);
    await rm(directory.path, { recursive: true });
    await rejectsWith(storage.put('b', pattern(10)), 'local/unwritable');
  });
});

describe('a par2+ URL', () => {
  const context = { clock: systemClock, environment: process.env, warn: assert.fail };

  test('has the options of both, and shows no secrets', async () => {
    const { destination, storage } = await openStorage(
      'par2+memory://x?attempts=1&par2-redundancy=20&par2-volumes=2',
      { flag: { 'par2-options': '-b20' } },
      context,
    );
    assert.equal(destination, 'par2+memory://x?attempts=1&par2-redundancy=20&par2-volumes=2');
    assert.equal(storage.location, 'memory://x');
  });

  for (const url of [
    'par2://x',
    'par2+nonsense://x',
    'par2+par2+memory://x',
    'par2+memory://x?par2-redundancy=0',
    'par2+memory://x?par2-redundancy=101',
    'par2+memory://x?par2-volumes=1.5',
    'par2+memory://x?par2-options=file',
    'par2+memory://x?par2-options=-B/etc',
    'par2+memory://x?nonsense=1',
    'memory://x?par2-redundancy=10',
  ]) {
    test(`"${url}" is refused`, () => rejectsWith(openStorage(url, {}, context), 'input/usage'));
  }

  test('hides what a remote of rclone carries', async () => {
    await assert.rejects(openStorage('par2+rclone://a,pass=secret:x', {}, context), (error) => {
      assert.doesNotMatch(String(error), /secret/u);
      return true;
    });
  });
});

describe('duplicity', { skip: missingDuplicity }, () => {
  async function duplicity(directory: string, ...parameters: readonly string[]) {
    const { PATH } = process.env;
    const { status, lastWords } = await runProgram(
      ['duplicity', ...parameters, `--archive-dir=${directory}/cache`, '--no-encryption'],
      { environment: { PATH, HOME: directory } },
    );
    assert.equal(status, 0, lastWords);
  }

  test('and we read what the other one wrote, and repair it', async () => {
    await using directory = await temporaryDirectory();
    const at = (name: string): string => path.join(directory.path, name);
    await mkdir(at('source'));
    await writeFile(at('source/file'), pattern(200_000));
    const first = `par2+file://${at('theirs')}`;
    await duplicity(directory.path, 'full', at('source'), first);

    const warnings: AppError[] = [];
    const context = {
      clock: systemClock,
      environment: process.env,
      warn: (problem: AppError) => void warnings.push(problem),
    };
    const theirs = await openStorage(first, {}, context);
    const names = await namesIn(theirs.storage, '');
    assert.equal(names.length, 3);
    const plain = await openStorage(`file://${at('theirs')}`, {}, context);
    assert.ok((await namesIn(plain.storage, '')).length >= 9);
    const ours = await openStorage(`par2+file://${at('ours')}?par2-options=-b100`, {}, context);
    for (const name of names) {
      const bytes = await plain.storage.read(name);
      await flipStoredBit(plain.storage, name, { byte: bytes.byteLength >> 1, bit: 2 });
      assert.deepEqual(await collectAll(await theirs.storage.get(name)), bytes);
      await ours.storage.put(name, bytes);
    }
    assert.equal(warnings.filter(({ message }) => message.includes('was repaired')).length, 3);

    const stored = await openStorage(`file://${at('ours')}`, {}, context);
    for (const name of names) await flipStoredBit(stored.storage, name, { byte: 100, bit: 2 });
    await rm(at('cache'), { recursive: true });
    await cp(at('ours'), at('copy'), { recursive: true });
    await duplicity(directory.path, 'restore', `par2+file://${at('ours')}`, at('target'));
    assert.deepEqual(new Uint8Array(await readFile(at('target/file'))), pattern(200_000));
  });
});
