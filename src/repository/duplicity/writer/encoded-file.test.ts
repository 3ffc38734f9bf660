import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';

import { AppError } from '../../../base/errors.ts';
import { Secret } from '../../../base/secret.ts';
import { FileCoding } from '../encryption/file-coding.ts';
import { InspectThread } from '../inspection/inspect-thread.ts';
import { type EncodedFile, isWellEncoded } from './encoded-file.ts';
import { Spool } from './spool.ts';

const gpg = { program: 'gpg', options: [], useAgent: false, environment: {} };
const codings = {
  gzip: new FileCoding({ kind: 'none', compress: true }),
  openpgp: new FileCoding({ kind: 'symmetric', passphrase: new Secret('a secret'), gpg }),
} as const;
/** The long one does not stay in memory. */
const plains = {
  short: Buffer.concat([Buffer.from('some text, '.repeat(20_000)), randomBytes(100_000)]),
  long: Buffer.concat([Buffer.from('some text, '.repeat(20_000)), randomBytes(5_000_000)]),
} as const;

/** `plain` as a file in which one bit is wrong, if any. */
async function encoded(
  as: keyof typeof codings,
  plain: Uint8Array,
  wrongAt: ((length: number) => number) | undefined,
  isReadBack: boolean,
): Promise<EncodedFile> {
  const pieces: Uint8Array[] = [];
  const encoder = await codings[as].encoder(as, (bytes) => void pieces.push(bytes));
  await encoder.write(plain);
  await encoder.finish();
  const bytes = Buffer.concat(pieces);
  const sum = crc32(bytes);
  if (wrongAt !== undefined) bytes[wrongAt(bytes.length)]! ^= 0x10;
  const body = new Spool(tmpdir());
  body.write(bytes);
  const plainSum = { sum: crc32(plain), length: plain.length };
  return { coding: as, body, sum, plain: isReadBack ? undefined : plainSum };
}

for (const as of ['gzip', 'openpgp'] as const) {
  for (const isReadBack of [false, true]) {
    for (const length of ['short', 'long'] as const) {
      const way = isReadBack ? 'looked at by its encoder' : 'to be decoded';
      describe(`a ${length} file by ${as}, ${way}`, () => {
        const plain = plains[length];
        const coding = codings[as];

        test('is well as it was made', async () => {
          await using thread = new InspectThread();
          const file = await encoded(as, plain, undefined, isReadBack);
          assert.ok(await isWellEncoded(file, { coding, thread }, {}));
        });

        for (const [where, wrongAt] of Object.entries({
          'near the start': () => 300,
          'in the middle': (bytes: number) => bytes >> 1,
          'at the end': (bytes: number) => bytes - 1,
        })) {
          test(`with a wrong bit ${where} is not`, async () => {
            await using thread = new InspectThread();
            const file = await encoded(as, plain, wrongAt, isReadBack);
            const isWell = isWellEncoded(file, { coding, thread }, {}).catch((error: unknown) => {
              assert.ok(error instanceof AppError);
              return false;
            });
            assert.equal(await isWell, false);
          });
        }
      });
    }
  }
}
