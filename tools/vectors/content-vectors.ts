import { createHash } from 'node:crypto';

import { toHex, utf8 } from '../../src/base/bytes.ts';
import { defaultChunkerParameters, gearTable } from '../../src/codec/chunker/parameters.ts';
import type { ChunkerParameters } from '../../src/codec/chunker/parameters.ts';
import { plainCuts } from '../../src/codec/chunker/plain-cuts.ts';
import { BlobNamer, blobType } from '../../src/repository/native/content/blob-id.ts';
import { requireKey } from '../../src/repository/native/keys/key-ring.ts';
import { counting, ring } from './fixed-inputs.ts';

const KIB = 1024;

/** The smallest parameters that a repository may have, so that little data has many chunks. */
const smallParameters: ChunkerParameters = {
  minimum: 64 * KIB,
  normal: 128 * KIB,
  maximum: 256 * KIB,
  strictBits: 18,
  looseBits: 14,
};

/** `sha256(u32 0) ‖ sha256(u32 1) ‖ …`, cut off at `length`. */
export function hashStream(length: number): Uint8Array {
  const out = new Uint8Array(Math.ceil(length / 32) * 32);
  const counter = Buffer.alloc(4);
  for (let block = 0; block * 32 < length; block++) {
    counter.writeUInt32LE(block);
    out.set(createHash('sha256').update(counter).digest(), block * 32);
  }
  return out.subarray(0, length);
}

/** What is cut, and how another program makes it. */
export const chunkerInputs: readonly {
  readonly input: string;
  readonly parameters: 'small' | 'default';
  readonly make: () => Uint8Array;
}[] = [
  { input: 'nothing', parameters: 'small', make: () => new Uint8Array(0) },
  { input: 'the first 1 byte of the hash stream', parameters: 'small', make: () => hashStream(1) },
  ...[-1, 0, 1].map((more) => ({
    input: `the first ${smallParameters.minimum + more} bytes of the hash stream`,
    parameters: 'small' as const,
    make: () => hashStream(smallParameters.minimum + more),
  })),
  {
    input: 'the first 1048576 bytes of the hash stream',
    parameters: 'small',
    make: () => hashStream(1024 * KIB),
  },
  { input: '600000 zeros', parameters: 'small', make: () => new Uint8Array(600_000) },
  {
    input: 'the first 100000 bytes of the hash stream, 300000 bytes ff, the same 100000 bytes',
    parameters: 'small',
    make: () =>
      Buffer.concat([hashStream(100_000), new Uint8Array(300_000).fill(0xff), hashStream(100_000)]),
  },
  {
    input: 'the first 3145728 bytes of the hash stream',
    parameters: 'default',
    make: () => hashStream(3072 * KIB),
  },
];

export const chunkerParameterSets = {
  small: smallParameters,
  default: defaultChunkerParameters,
} as const;

/** Section 7.2: the table of the chunk key in `keys`, and every cut of some inputs, their ends included. */
export function chunkerVectors(): Record<string, unknown> {
  const table = gearTable(requireKey(ring, 'chunkKey'));
  return {
    'hash-stream': 'sha256(u32 0) ‖ sha256(u32 1) ‖ …',
    table: Array.from(table.subarray(0, 4)),
    parameters: chunkerParameterSets,
    cuts: chunkerInputs.map(({ input, parameters, make }) => ({
      input,
      parameters,
      cuts: plainCuts(make(), table, chunkerParameterSets[parameters]),
    })),
  };
}

const blobInputs: readonly { readonly input: string; readonly raw: Uint8Array }[] = [
  { input: '00', raw: Uint8Array.of(0) },
  { input: toHex(utf8('holdfast')), raw: utf8('holdfast') },
  { input: toHex(counting(0, 256)), raw: counting(0, 256) },
];

/** Section 7.1 with the `id` key in `keys`; and the mark of hard links, section 7.4. */
export function blobVectors(): Record<string, unknown> {
  const namer = new BlobNamer(ring.idKey);
  return {
    ids: blobInputs.flatMap(({ input, raw }) =>
      Object.entries(blobType).map(([type, number]) => ({
        type,
        raw: input,
        id: toHex(namer.nameOf(number, raw)),
      })),
    ),
    'hard-link': {
      device: '2049',
      inode: '18446744073709551615',
      mark: toHex(namer.linkOf(2049n, 2n ** 64n - 1n)),
    },
  };
}
