import assert from 'node:assert/strict';

import { concatBytes } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/random.ts';
import { Secret } from '../../src/base/secret.ts';
import { type Coding, FileCoding } from '../../src/repository/duplicity/encryption/file-coding.ts';
import type {
  GpgSettings,
  Protection,
} from '../../src/repository/duplicity/encryption/protection.ts';
import { missingPrograms } from '../servers/required-programs.ts';
import type { GpgHome } from './gpg-home.ts';

/** Partly compressible, and larger than every buffer on the way. */
export const mixed = concatBytes(new Uint8Array(300_000).fill(65), systemRandom(700_000));

/** Calls the gpg of a home; without one there is no gpg. */
export function settings(home?: GpgHome, more: Partial<GpgSettings> = {}): GpgSettings {
  return {
    program: 'gpg',
    options: [],
    useAgent: false,
    environment: home?.environment ?? { PATH: '/nowhere' },
    ...more,
  };
}

export const withPassphrase = (passphrase: string, gpg = settings()): Protection => ({
  kind: 'symmetric',
  passphrase: new Secret(passphrase),
  gpg,
});

export async function* piecesOf(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += length) {
    yield bytes.subarray(offset, offset + length);
    await Promise.resolve();
  }
}

/** The whole file; checks that it is not longer than was said. */
export async function encode(
  protection: Protection,
  plain: Uint8Array,
  { coding = 'openpgp', pieceLength = 50_000 }: { coding?: Coding; pieceLength?: number } = {},
): Promise<Buffer> {
  const stored: Uint8Array[] = [];
  let size = 0;
  const files = new FileCoding(protection);
  await using encoder = await files.encoder(coding, (bytes) => {
    stored.push(bytes);
    size += bytes.length;
  });
  const bounds: number[] = [];
  for await (const piece of piecesOf(plain, pieceLength)) {
    await encoder.write(piece);
    assert.ok(encoder.sizeBound >= size);
  }
  await encoder.settle();
  bounds.push(encoder.sizeBound);
  await encoder.finish();
  for (const bound of bounds) assert.ok(bound >= size, `${bound} for ${size}`);
  return Buffer.concat(stored);
}

export async function decode(
  protection: Protection,
  stored: Uint8Array,
  coding: Coding = 'openpgp',
): Promise<Buffer> {
  const files = new FileCoding(protection);
  const parts: Uint8Array[] = [];
  for await (const part of files.decode(piecesOf(stored, 30_000), coding)) parts.push(part);
  return Buffer.concat(parts);
}

export const needsGpg = { skip: missingPrograms(['gpg', 'gpgconf']) };
