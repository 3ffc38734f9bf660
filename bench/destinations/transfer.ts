/** `node transfer.ts put|get URL DIRECTORY`: sends or fetches the files of a directory as objects, as the engine would; for the benchmark. */
import { createWriteStream, openAsBlob, readdirSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';

import { systemClock } from '../../src/base/clock.ts';
import { eachPool } from '../../src/base/pool.ts';
import { environmentOptions, openStorage } from '../../src/storage/open-storage.ts';
import { storageDriver } from '../../src/storage/registry.ts';
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

/** What the engine holds in memory; larger objects are streams. */
const largestInMemory = 64 * 1024 ** 2;

if (direction === 'put') {
  await eachPool(readdirSync(directory), concurrency, async (name) => {
    const file = join(directory, name);
    const inMemory = statSync(file).size <= largestInMemory;
    await opened.put(name, inMemory ? await readFile(file) : await openAsBlob(file));
  });
} else {
  const objects = await Array.fromAsync(opened.list(''));
  await eachPool(objects, concurrency, async ({ name, size }) => {
    const file = join(directory, name);
    if (size <= largestInMemory)
      await writeFile(file, await opened.read(name, { range: { offset: 0, length: size } }));
    else await (await opened.get(name)).pipeTo(Writable.toWeb(createWriteStream(file)));
  });
}
