/** `node transfer.ts put|get URL DIRECTORY`: sends or fetches the files of a directory as objects, as the engine would; for the benchmark. */
import {
  closeSync,
  openSync,
  read,
  readSync,
  readdirSync,
  statSync,
  write,
  writeSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { systemClock } from '../../src/base/clock.ts';
import { discardBytes } from '../../src/base/discard-bytes.ts';
import { eachPool } from '../../src/base/pool.ts';
import { Semaphore } from '../../src/base/semaphore.ts';
import { streamOf } from '../../src/storage/byte-stream.ts';
import { environmentOptions, openStorage } from '../../src/storage/open-storage.ts';
import { storageDriver } from '../../src/storage/registry.ts';
import type { ByteSource } from '../../src/storage/storage.ts';
import { parseDestinationUrl } from '../../src/storage/url.ts';

const [direction, url = '', directory = ''] = process.argv.slice(2);
const driver = await storageDriver(parseDestinationUrl(url).scheme);
const { storage } = await openStorage(
  url,
  { environment: environmentOptions(driver, process.env) },
  {
    clock: systemClock,
    environment: process.env,
    warn: (problem) => process.stderr.write(`${problem.message}\n`),
  },
);
await using opened = storage;
const { concurrency } = storage.capabilities;

/** Pieces of what is sent as a stream. */
const pieceSize = 1024 ** 2;
/** What is longer is sent as a stream; packs are given whole in memory that threads share, as a backup does, and no more of them at once than two workers make. */
const packSize = 32 * pieceSize;
const packsAtOnce = 4;
const shortWrite = 64 * 1024;
/** What is longer is fetched in ranges of this size, several at once. */
const rangeSize = 4 * pieceSize;

if (direction === 'put') {
  const packs = new Semaphore(packsAtOnce);
  const spare: Uint8Array[] = [];
  await eachPool(readdirSync(directory), concurrency, async (name) => {
    const file = join(directory, name);
    const { size } = statSync(file);
    if (size > packSize) return opened.put(name, sourceOf(file, size));
    if (size <= pieceSize) return opened.put(name, await readFile(file));
    using _turn = await packs.acquire();
    const memory = spare.pop() ?? new Uint8Array(new SharedArrayBuffer(packSize));
    const pack = memory.subarray(0, size);
    readInto(file, pack);
    await opened.put(name, pack);
    spare.push(memory);
  });
} else {
  const objects = await Array.fromAsync(opened.list(''));
  const files = new Map(objects.map(({ name }) => [name, openSync(join(directory, name), 'w')]));
  const ranges = objects.flatMap(({ name, size }) =>
    Array.from({ length: Math.ceil(size / rangeSize) }, (_, index) => {
      const offset = index * rangeSize;
      return { name, offset, length: Math.min(rangeSize, size - offset) };
    }),
  );
  const writeTo = promisify(write);
  await eachPool(ranges, concurrency, async ({ name, offset, length }) => {
    const bytes = await opened.read(name, { range: { offset, length } });
    const file = files.get(name)!;
    // What is short is written sooner than another thread begins with it.
    if (length <= shortWrite) writeSync(file, bytes, 0, length, offset);
    else await writeTo(file, bytes, 0, length, offset);
    discardBytes(bytes);
  });
  for (const fd of files.values()) closeSync(fd);
}

function readInto(file: string, bytes: Uint8Array): void {
  const fd = openSync(file, 'r');
  for (let filled = 0; filled < bytes.length;) filled += readSync(fd, bytes, { offset: filled });
  closeSync(fd);
}

/** The contents of a file, read a piece ahead of what is sent. */
function sourceOf(file: string, size: number): ByteSource {
  const readFrom = promisify(read);
  const stream = (): ReadableStream<Uint8Array> => {
    const fd = openSync(file, 'r');
    let position = 0;
    const next = async (): Promise<Uint8Array | undefined> => {
      if (position === size) return undefined;
      const bytes = Buffer.allocUnsafeSlow(Math.min(pieceSize, size - position));
      const at = position;
      position += bytes.length;
      await readFrom(fd, bytes, 0, bytes.length, at);
      return bytes;
    };
    let ahead = next();
    return streamOf({
      async next() {
        const piece = await ahead;
        ahead = next();
        return piece;
      },
      async close() {
        await ahead;
        closeSync(fd);
      },
    });
  };
  return { size, stream };
}
