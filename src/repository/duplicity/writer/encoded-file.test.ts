import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';

import { AppError } from '../../../base/errors.ts';
import { Secret } from '../../../base/secret.ts';
import { FileCoding } from '../encryption/file-coding.ts';
import { type EncodedFile, isWellEncoded } from './encoded-file.ts';
import { Spool } from './spool.ts';

const gpg = { program: 'gpg', options: [], useAgent: false, environment: {} };
const codings = {
  gzip: new FileCoding({ kind: 'none', compress: true }),
  openpgp: new FileCoding({ kind: 'symmetric', passphrase: new Secret('a secret'), gpg }),
} as const;
const plain = Buffer.concat([Buffer.from('some text, '.repeat(20_000)), randomBytes(100_000)]);

/** `plain` as a file in which one bit is wrong, if any. */
async function encoded(
  as: keyof typeof codings,
  wrongAt: ((length: number) => number) | undefined,
  isReadBack: boolean,
): Promise<EncodedFile> {
  const pieces: Uint8Array[] = [];
  const encoder = await codings[as].encoder(as, (bytes) => void pieces.push(bytes));
  await encoder.write(plain);
  await encoder.finish();
  const bytes = Buffer.concat(pieces);
  const digest = createHash('sha1').update(bytes).digest('hex');
  if (wrongAt !== undefined) bytes[wrongAt(bytes.length)]! ^= 0x10;
  const body = new Spool(tmpdir());
  body.write(bytes);
  const sum = { sum: crc32(plain), length: plain.length };
  return { coding: as, body, digest, plain: isReadBack ? undefined : sum };
}

for (const as of ['gzip', 'openpgp'] as const) {
  for (const isReadBack of [false, true]) {
    const way = isReadBack ? 'looked at by its encoder' : 'to be decoded';
    describe(`a file by ${as}, ${way}`, () => {
      test('is well as it was made', async () => {
        const file = await encoded(as, undefined, isReadBack);
        assert.ok(await isWellEncoded(file, codings[as], {}));
      });

      for (const [where, wrongAt] of Object.entries({
        'near the start': () => 300,
        'in the middle': (length: number) => length >> 1,
        'at the end': (length: number) => length - 1,
      })) {
        test(`with a wrong bit ${where} is not`, async () => {
          const file = await encoded(as, wrongAt, isReadBack);
          const isWell = isWellEncoded(file, codings[as], {}).catch((error: unknown) => {
            assert.ok(error instanceof AppError);
            return false;
          });
          assert.equal(await isWell, false);
        });
      }
    });
  }
}
