import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';

import { hasCode } from '../../../base/errors.ts';
import { FileCoding } from '../encryption/file-coding.ts';
import { InspectThread } from '../inspection/inspect-thread.ts';
import { OpenVolume } from './open-volume.ts';

const coding = new FileCoding({ kind: 'none', compress: false });
const root = { path: new Uint8Array(0), block: undefined };

/** A volume that holds these bytes, before it is finished. */
async function filled(
  bytes: Uint8Array,
  settings: { readonly tempDirectory: string; readonly thread: InspectThread },
): Promise<OpenVolume> {
  const volume = await OpenVolume.open(1, { ...settings, coding, volumeSize: 1e9 }, {});
  await volume.tar.append(bytes);
  await volume.tar.flush();
  return volume;
}

/** The numbers of the files there that this process has open. */
function openBelow(directory: string): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory);
    } catch {
      // It was that of the listing.
      return false;
    }
  });
}

/** Changes a byte of the one temporary file there, which has no name. */
function spoil(directory: string, position: number): void {
  const [found, ...others] = openBelow(directory);
  assert.deepEqual(others, []);
  const fd = openSync(`/proc/self/fd/${found}`, 'r+');
  writeSync(fd, Uint8Array.of(1), 0, 1, position);
  closeSync(fd);
}

describe('a finished volume', () => {
  for (const [length, size] of Object.entries({ short: 1024 * 1024, long: 5.5 * 1024 * 1024 })) {
    test(`has the hashes of what it is, when it is ${length}`, async () => {
      await using thread = new InspectThread();
      const bytes = randomBytes(size);
      const volume = await filled(bytes, { tempDirectory: tmpdir(), thread });
      const finished = await volume.finish(root);
      using body = finished.body;
      const stored = Buffer.concat(await Array.fromAsync(body.stream()));
      assert.ok(stored.equals(bytes));
      assert.deepEqual(
        [...finished.hashes],
        [
          ['SHA1', createHash('sha1').update(bytes).digest('hex')],
          ['SHA256', createHash('sha256').update(bytes).digest('hex')],
        ],
      );
    });
  }

  test('is none when the disk does not hold what was written', async () => {
    await using thread = new InspectThread();
    const tempDirectory = await mkdtemp(path.join(tmpdir(), 'holdfast-volume-'));
    try {
      const size = 5.5 * 1024 * 1024;
      {
        await using volume = await filled(Buffer.alloc(size), { tempDirectory, thread });
        // What is less than a mebibyte is looked at in the end.
        spoil(tempDirectory, size - 1);
        await assert.rejects(volume.finish(root), (error) => {
          assert.ok(hasCode(error, 'internal'));
          assert.match(error.message, /^Volume 1 does not hold what was put into it/u);
          return true;
        });
      }
      assert.deepEqual(openBelow(tempDirectory), []);
    } finally {
      await rm(tempDirectory, { recursive: true });
    }
  });
});
