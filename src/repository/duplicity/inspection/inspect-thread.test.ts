import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';

import { hasCode } from '../../../base/errors.ts';
import { Secret } from '../../../base/secret.ts';
import { FileCoding } from '../encryption/file-coding.ts';
import { sumDigits } from './digests.ts';
import type { FilePart } from './file-part.ts';
import { GrowingDigests } from './growing-digests.ts';
import { InspectThread } from './inspect-thread.ts';

const bytes = randomBytes(3_500_000);

/** A file without a name, as temporary files are. */
class NamelessFile implements Disposable {
  readonly fd: number;
  #size = 0;

  constructor() {
    const name = path.join(tmpdir(), `holdfast-inspect-${randomBytes(8).toString('hex')}`);
    this.fd = openSync(name, 'wx+', 0o600);
    unlinkSync(name);
  }

  append(more: Uint8Array): FilePart {
    const part = { fd: this.fd, position: this.#size, length: more.length };
    writeSync(this.fd, more, 0, more.length, this.#size);
    this.#size += more.length;
    return part;
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

describe('digests of what is written to a file', () => {
  test('are those of all of it, whatever the parts, and of what follows them', async () => {
    await using thread = new InspectThread();
    using file = new NamelessFile();
    using digests = new GrowingDigests(['CRC32', 'MD5', 'SHA1', 'SHA256', 'SHA512'], thread);
    for (const [from, to] of [
      [0, 1],
      [1, 2_500_000],
      [2_500_000, 3_400_000],
    ]) {
      digests.add(file.append(bytes.subarray(from, to)));
    }
    const rest = [bytes.subarray(3_400_000, 3_450_000), bytes.subarray(3_450_000)];
    const found = await digests.found(rest, {});
    assert.equal(found.get('CRC32'), sumDigits(crc32(bytes)));
    for (const algorithm of ['MD5', 'SHA1', 'SHA256', 'SHA512'] as const)
      assert.equal(found.get(algorithm), createHash(algorithm).update(bytes).digest('hex'));
  });

  test('are the same without a file', async () => {
    await using thread = new InspectThread();
    using digests = new GrowingDigests(['SHA1'], thread);
    const found = await digests.found([bytes.subarray(0, 7), bytes.subarray(7)], {});
    assert.equal(found.get('SHA1'), createHash('sha1').update(bytes).digest('hex'));
  });

  test('of several files do not mix', async () => {
    await using thread = new InspectThread();
    using one = new NamelessFile();
    using other = new NamelessFile();
    using ofOne = new GrowingDigests(['CRC32'], thread);
    using ofOther = new GrowingDigests(['CRC32'], thread);
    for (let at = 0; at < bytes.length; at += 500_000) {
      ofOne.add(one.append(bytes.subarray(at, at + 500_000)));
      ofOther.add(other.append(bytes.subarray(at, at + 499_999)));
    }
    const [first, second] = await Promise.all([ofOne.found([], {}), ofOther.found([], {})]);
    assert.equal(first.get('CRC32'), sumDigits(crc32(bytes)));
    assert.notEqual(second.get('CRC32'), first.get('CRC32'));
  });

  test('are of what is there, not of what should be', async () => {
    await using thread = new InspectThread();
    using file = new NamelessFile();
    using digests = new GrowingDigests(['CRC32'], thread);
    const part = file.append(bytes);
    writeSync(file.fd, Uint8Array.of(bytes[1_000_000]! ^ 4), 0, 1, 1_000_000);
    digests.add(part);
    const found = await digests.found([], {});
    assert.notEqual(found.get('CRC32'), sumDigits(crc32(bytes)));
  });

  test('of a file that cannot be read are none, and others come', async () => {
    await using thread = new InspectThread();
    using file = new NamelessFile();
    using other = new NamelessFile();
    using digests = new GrowingDigests(['CRC32'], thread);
    const { length, ...part } = file.append(bytes);
    digests.add({ ...part, length: length + 1 });
    digests.add(other.append(bytes));
    await assert.rejects(digests.found([], {}), (error) => hasCode(error, 'local/unwritable'));
    using again = new GrowingDigests(['CRC32'], thread);
    again.add({ ...part, length });
    const found = await again.found([], {});
    assert.equal(found.get('CRC32'), sumDigits(crc32(bytes)));
  });
});

describe('waiting for what is inspected', () => {
  test('ends with the signal', async () => {
    await using thread = new InspectThread();
    using file = new NamelessFile();
    using digests = new GrowingDigests(['CRC32'], thread);
    digests.add(file.append(bytes));
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(digests.found([], { signal }), /enough/u);
  });

  test('ends with the thread', { timeout: 60_000 }, async () => {
    const thread = new InspectThread();
    using file = new NamelessFile();
    using digests = new GrowingDigests(['CRC32'], thread);
    digests.add(file.append(bytes));
    const found = digests.found([], {});
    const rejected = assert.rejects(found, (error) => hasCode(error, 'interrupted'));
    await thread[Symbol.asyncDispose]();
    await rejected;
    await assert.rejects(digests.found([], {}), (error) => hasCode(error, 'interrupted'));
  });

  test('ends with an error of the thread, for all that wait and come', async () => {
    await using thread = new InspectThread();
    using file = new NamelessFile();
    using digests = new GrowingDigests(['CRC32'], thread);
    digests.add(file.append(bytes));
    // There is no such algorithm: making it throws.
    thread.tell({ task: thread.newTask(), algorithms: ['none' as 'MD5'] });
    await assert.rejects(digests.found([], {}), (error) => hasCode(error, 'internal'));
    await assert.rejects(digests.found([], {}), (error) => hasCode(error, 'internal'));
  });
});

describe('a message in a file', () => {
  const passphrase = new Secret('correct');
  const gpg = { program: 'gpg', options: [], useAgent: false, environment: {} };
  const coding = new FileCoding({ kind: 'symmetric', passphrase, gpg });

  async function encrypted(): Promise<Uint8Array> {
    const stored: Uint8Array[] = [];
    await using encoder = await coding.encoder('openpgp', (piece) => void stored.push(piece));
    await encoder.write(bytes);
    await encoder.finish();
    return Buffer.concat(stored);
  }

  test('is what was encrypted', async () => {
    await using thread = new InspectThread();
    using file = new NamelessFile();
    const message = await encrypted();
    await thread.checkMessage(file.append(message), coding.passphrase!, {});
  });

  for (const [where, at] of [
    ['near its start', 300],
    ['in its middle', 2_000_000],
    ['at its end', -1],
  ] as const) {
    test(`with a wrong bit ${where} is not`, async () => {
      await using thread = new InspectThread();
      using file = new NamelessFile();
      const message = await encrypted();
      message[at < 0 ? message.length + at : at]! ^= 1;
      await assert.rejects(
        thread.checkMessage(file.append(message), coding.passphrase!, {}),
        (error) => hasCode(error, 'repository/damaged'),
      );
    });
  }

  test('is not waited for when nobody wants it any more, and others come', async () => {
    await using thread = new InspectThread();
    using file = new NamelessFile();
    const part = file.append(await encrypted());
    const stop = new AbortController();
    const checking = thread.checkMessage(part, coding.passphrase!, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await assert.rejects(checking, /enough/u);
    await thread.checkMessage(part, coding.passphrase!, {});
  });
});
