import assert from 'node:assert/strict';
import {
  closeSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { hostSeed, openPack, packContext, ring } from '#test/support/pack-fixture.ts';
import { SeededRandom } from '#test/support/seeded-random.ts';
import { temporaryDirectory, type TemporaryDirectory } from '#test/support/temporary-directory.ts';

import { toHex } from '../../../base/bytes.ts';
import type { ChunkerParameters } from '../../../codec/chunker/parameters.ts';
import { gearTable } from '../../../codec/chunker/parameters.ts';
import { plainCuts } from '../../../codec/chunker/plain-cuts.ts';
import { readContentList } from '../content/content-list.ts';
import { BlobTable } from '../index/blob-table.ts';
import { requireKey } from '../keys/key-ring.ts';
import type { ContentModule } from '../worker/content-module.ts';
import type { FileOutcome, FileRequest, ProblemReport } from '../worker/messages.ts';
import { StoreWorkers } from '../worker/store-workers.ts';
import { FilePipeline } from './file-pipeline.ts';

const MIB = 1024 * 1024;
const small: ChunkerParameters = {
  minimum: 64 * 1024,
  normal: 128 * 1024,
  maximum: 512 * 1024,
  strictBits: 18,
  looseBits: 15,
};
const realFiles = new URL('../../../source/filesystem/file-reader.ts', import.meta.url).href;
const shrinkingFiles = import.meta.resolve('#test/support/shrinking-content.ts');
const chunkKey = requireKey(ring, 'chunkKey');

type Outcome = FileOutcome | ProblemReport;

/** Stores with real workers; afterwards every blob is found in what they packed. */
async function storing<Result>(
  module: string,
  work: (pipeline: FilePipeline) => Promise<Result>,
): Promise<{ readonly result: Result; readonly blobs: ReadonlyMap<string, Uint8Array> }> {
  const { signer: _signer, random: _random, ...context } = packContext({ target: 2 * MIB });
  const packs: Uint8Array[] = [];
  await using workers = new StoreWorkers(
    2,
    {
      table: BlobTable.allocate(0, 0).memory,
      context: { ...context, signerSeed: hostSeed },
      idKey: ring.idKey,
      chunkKey,
      chunker: small,
      contentModule: module,
    },
    ({ pack, release }) => {
      packs.push(pack.bytes.slice());
      release();
    },
  );
  const content = (await import(module)) as ContentModule;
  const pipeline = new FilePipeline(workers, content, small, chunkKey, async () => undefined);
  const result = await work(pipeline);
  await pipeline.drain();
  await workers.flush();
  const blobs = new Map<string, Uint8Array>();
  for (const bytes of packs) for (const { id, raw } of openPack(bytes, 'data')) blobs.set(id, raw);
  return { result, blobs };
}

function requestFor(path: string): FileRequest {
  const { ino, dev, uid, size } = lstatSync(path, { bigint: true });
  const expected = { inode: ino, device: Number(dev), uid: Number(uid), size: Number(size) };
  return { path: Buffer.from(path), displayPath: Buffer.from(path), expected };
}

function isOutcome(outcome: Outcome | undefined): asserts outcome is FileOutcome {
  assert.ok(outcome !== undefined && 'list' in outcome, JSON.stringify(outcome));
}

/** The file that a list stands for, and that list and size agree. */
function assemble({ list, size }: FileOutcome, blobs: ReadonlyMap<string, Uint8Array>): Buffer {
  const parts = readContentList(list).map(({ length, id }) => {
    const raw = id === undefined ? new Uint8Array(length) : blobs.get(toHex(id));
    assert.ok(raw?.length === length);
    return raw;
  });
  const whole = Buffer.concat(parts);
  assert.equal(whole.length, size);
  return whole;
}

describe('file pipeline', () => {
  let directory: TemporaryDirectory;
  before(async () => {
    directory = await temporaryDirectory();
  });
  after(() => directory[Symbol.asyncDispose]());

  async function storeAll(
    paths: readonly string[],
    module = realFiles,
  ): Promise<{ outcomes: Map<string, Outcome>; blobs: ReadonlyMap<string, Uint8Array> }> {
    const outcomes = new Map<string, Outcome>();
    const { blobs } = await storing(module, async (pipeline) => {
      for (const path of paths) {
        await pipeline.store(requestFor(path), (outcome) => {
          assert.ok(!outcomes.has(path), 'told once');
          outcomes.set(path, outcome);
        });
      }
    });
    return { outcomes, blobs };
  }

  test('files of all sizes, with and without holes, come out as they were', async () => {
    const random = new SeededRandom(1);
    const sizes = [1, 65_535, 65_536, 65_537, 3 * MIB, 16 * MIB, 16 * MIB + 1, 25 * MIB + 12_345];
    const paths = sizes.map((size) => {
      const path = `${directory.path}/size-${size}`;
      writeFileSync(path, random.bytes(size));
      return path;
    });
    for (const [name, size, pieces] of [
      ['holes', 40 * MIB, [1 * MIB, 20 * MIB + 5000, 39 * MIB]],
      ['hole at the end', 20 * MIB, [0]],
      ['only a hole', 18 * MIB, []],
      ['small holes', 3 * MIB, [200_000, 2 * MIB]],
    ] as const) {
      const path = `${directory.path}/${name}`;
      const file = openSync(path, 'w');
      ftruncateSync(file, size);
      for (const at of pieces) writeSync(file, random.bytes(300_000), 0, 300_000, at);
      closeSync(file);
      paths.push(path);
    }
    const { outcomes, blobs } = await storeAll(paths);
    for (const path of paths) {
      const outcome = outcomes.get(path);
      isOutcome(outcome);
      assert.equal(outcome.state, 'steady');
      assert.ok(assemble(outcome, blobs).equals(readFileSync(path)), path);
    }
  });

  test('a divided file and the same one read serially have the same chunks', async () => {
    const bytes = new SeededRandom(2).bytes(20 * MIB);
    const path = `${directory.path}/divided`;
    writeFileSync(path, bytes);
    const { outcomes } = await storeAll([path]);
    const outcome = outcomes.get(path);
    isOutcome(outcome);
    let end = 0;
    const cuts = readContentList(outcome.list).map(({ length }) => (end += length));
    assert.deepEqual(cuts, plainCuts(bytes, gearTable(chunkKey), small));
    const half = `${directory.path}/serial`;
    writeFileSync(half, bytes.subarray(0, 15 * MIB));
    const serial = (await storeAll([half])).outcomes.get(half);
    isOutcome(serial);
    const common = cuts.filter((cut) => cut < 15 * MIB).length;
    assert.deepEqual(
      readContentList(serial.list)
        .slice(0, common)
        .map(({ id }) => toHex(id!)),
      readContentList(outcome.list)
        .slice(0, common)
        .map(({ id }) => toHex(id!)),
    );
  });

  for (const end of [0, 1, 700_000, 9 * MIB + 7, 21 * MIB, 22 * MIB - 1]) {
    test(`a large file that is cut off at byte ${end} while it is stored is torn, and what is stored adds up`, async () => {
      const path = `${directory.path}/cut-${end}`;
      const bytes = new SeededRandom(3).bytes(22 * MIB);
      writeFileSync(path, bytes);
      writeFileSync(`${path}.end`, String(end));
      const { outcomes, blobs } = await storeAll([path], shrinkingFiles);
      const outcome = outcomes.get(path);
      isOutcome(outcome);
      assert.equal(outcome.state, 'torn');
      assert.ok(outcome.size <= end);
      assert.ok(end - outcome.size <= small.maximum, 'only the last chunk is missing');
      assert.ok(assemble(outcome, blobs).equals(bytes.subarray(0, outcome.size)));
    });
  }

  test('a file that is cut off before a hole does not get the hole in the wrong place', async () => {
    const path = `${directory.path}/cut-hole`;
    const file = openSync(path, 'w');
    ftruncateSync(file, 40 * MIB);
    const bytes = new SeededRandom(4).bytes(6 * MIB);
    writeSync(file, bytes, 0, bytes.length, 0);
    writeSync(file, bytes, 0, bytes.length, 30 * MIB);
    closeSync(file);
    writeFileSync(`${path}.end`, String(5 * MIB));
    const { outcomes, blobs } = await storeAll([path], shrinkingFiles);
    const outcome = outcomes.get(path);
    isOutcome(outcome);
    assert.ok(assemble(outcome, blobs).equals(bytes.subarray(0, outcome.size)));
  });

  test('a file that is gone, or another one now, is a problem of that file only', async () => {
    const good = `${directory.path}/good`;
    writeFileSync(good, 'good');
    const gone: FileRequest = {
      path: Buffer.from(`${directory.path}/gone`),
      displayPath: Buffer.from('/gone'),
      expected: { inode: 1n, device: 1, uid: 0, size: 5 },
    };
    const outcomes: Outcome[] = [];
    const { blobs } = await storing(realFiles, async (pipeline) => {
      const done = (outcome: Outcome): void => void outcomes.push(outcome);
      await pipeline.store(gone, done);
      await pipeline.store({ ...gone, expected: { ...gone.expected, size: 20 * MIB } }, done);
      await pipeline.store({ ...requestFor(good), expected: gone.expected }, done);
      await pipeline.store(requestFor(good), done);
    });
    const codes = outcomes.map((outcome) => ('code' in outcome ? outcome.code : 'stored'));
    assert.deepEqual(codes.toSorted(), [
      'source/changed',
      'source/changed',
      'source/changed',
      'stored',
    ]);
    assert.equal(blobs.size, 1);
  });

  test('a failure while a result is taken comes out, even if nobody waited for it', async () => {
    const path = `${directory.path}/once`;
    writeFileSync(path, 'once');
    const large = `${directory.path}/once-large`;
    writeFileSync(large, new SeededRandom(5).bytes(17 * MIB));
    for (const file of [path, large]) {
      const broken = new RangeError('Broken');
      await assert.rejects(
        storing(realFiles, async (pipeline) => {
          await pipeline.store(requestFor(file), () => {
            throw broken;
          });
          await pipeline.drain();
        }),
        (error) => error === broken,
      );
    }
  });

  test('streams of any length, in parts of any length', async () => {
    const random = new SeededRandom(6);
    for (const size of [0, 1, 65_536, 5 * MIB, 19 * MIB + 3]) {
      const bytes = random.bytes(size);
      async function* parts(): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < size;) {
          const length = 1 + random.below(random.below(4) === 0 ? 10 * MIB : 200_000);
          // The memory of a part is used again for the next.
          const part = Buffer.from(bytes.subarray(at, at + length));
          yield part;
          part.fill(0);
          at += length;
        }
      }
      const { result, blobs } = await storing(realFiles, (pipeline) =>
        pipeline.storeStream(parts()),
      );
      assert.ok(assemble(result, blobs).equals(bytes), `${size}`);
      let end = 0;
      const cuts = readContentList(result.list).map(({ length }) => (end += length));
      if (size <= 5 * MIB) assert.deepEqual(cuts, plainCuts(bytes, gearTable(chunkKey), small));
    }
  });
});
