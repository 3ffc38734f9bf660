import { createHash } from 'node:crypto';

import type { CallOptions } from '../../../base/call-options.ts';
import { systemRandom } from '../../../base/random.ts';
import { toHex, utf8 } from '../../../base/bytes.ts';
import type { Semaphore } from '../../../base/semaphore.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import { inMemory, uploadParts } from '../../network/body-parts.ts';
import type { AzureConnection } from './azure-connection.ts';

const mebibyte = 1024 ** 2;

/** An object consists of at most so many blocks, each of at most 4000 MiB. */
const mostBlocks = 50_000;

export const largestBlob = mostBlocks * 4000 * mebibyte;

/** Blocks of one object that are under way at once. */
const parallelBlocks = 4;

export interface UploadSettings {
  /** Objects up to this size go in one request. */
  readonly partSize: number;
  /** Places for parts of streams in memory. */
  readonly memory: Semaphore;
}

/** How an object is to be stored. */
export interface BlobTarget extends CallOptions {
  readonly name: string;
  readonly key: string;
  readonly ifAbsent: boolean;
  /** Tier and retention. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Stores an object: in one request, or in blocks that become the object when their list is committed. Blocks without a list are no object,
 * are not listed, and are thrown away by the service after a week. Every request carries the MD5 of its bytes, which the service compares.
 */
export async function uploadBlob(
  connection: AzureConnection,
  body: Body,
  target: BlobTarget,
  { partSize, memory }: UploadSettings,
): Promise<void> {
  const { name, signal } = target;
  const size = sizeOfBody(body);
  if (size <= partSize) {
    await inMemory(name, body, memory, (bytes) => putWhole(connection, bytes, target), { signal });
    return;
  }
  // Blocks of one upload must not be mistaken for those of another of the same name.
  const upload = toHex(systemRandom(8));
  const ids = await uploadParts(
    name,
    body,
    { partSize: blockSize(size, partSize), parallel: parallelBlocks, memory },
    async ({ index, bytes }, options) => {
      const id = Buffer.from(`${upload}-${String(index).padStart(6, '0')}`).toString('base64');
      const response = await connection.send({
        method: 'PUT',
        key: target.key,
        query: { comp: 'block', blockid: id },
        headers: { 'content-md5': md5(bytes) },
        body: bytes,
        action: `store "${name}"`,
        expected: [201],
        ...options,
      });
      await response.discard();
      return id;
    },
    { signal },
  );
  await commit(connection, ids, target);
}

/** Larger blocks for objects that would have too many. */
function blockSize(size: number, partSize: number): number {
  const least = Math.ceil(size / mostBlocks / mebibyte) * mebibyte;
  return Math.max(partSize, least);
}

async function putWhole(
  connection: AzureConnection,
  bytes: Uint8Array,
  { name, key, ifAbsent, headers, signal }: BlobTarget,
): Promise<void> {
  const response = await connection.send({
    method: 'PUT',
    key,
    headers: {
      ...headers,
      ...condition(ifAbsent),
      'content-md5': md5(bytes),
      'content-type': 'application/octet-stream',
      'x-ms-blob-type': 'BlockBlob',
    },
    body: bytes,
    action: `store "${name}"`,
    expected: [201],
    signal,
  });
  await response.discard();
}

async function commit(
  connection: AzureConnection,
  ids: readonly string[],
  { name, key, ifAbsent, headers, signal }: BlobTarget,
): Promise<void> {
  const list = ids.map((id) => `<Uncommitted>${id}</Uncommitted>`).join('');
  const body = utf8(`<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`);
  const response = await connection.send({
    method: 'PUT',
    key,
    query: { comp: 'blocklist' },
    headers: {
      ...headers,
      ...condition(ifAbsent),
      'content-md5': md5(body),
      'content-type': 'application/xml',
      'x-ms-blob-content-type': 'application/octet-stream',
    },
    body,
    action: `store "${name}"`,
    expected: [201],
    signal,
  });
  await response.discard();
}

function condition(ifAbsent: boolean): Readonly<Record<string, string>> {
  return ifAbsent ? { 'if-none-match': '*' } : {};
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('base64');
}
