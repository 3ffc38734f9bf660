import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { encodeTarHeader, tarPadding } from './tar-header.ts';
import { TarReader } from './tar-reader.ts';

const fixtures = path.resolve(import.meta.dirname, '../../../test/fixtures/duplicity');

/** The tar archives of a set: volumes and signatures. */
function archivesOf(set: string): { name: string; tar: Uint8Array }[] {
  const directory = path.join(fixtures, set);
  return readdirSync(directory)
    .filter((name) => name.endsWith('.gz') || name.endsWith('.z'))
    .map((name) => ({ name, tar: gunzipSync(readFileSync(path.join(directory, name))) }));
}

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** The archive again, without its end, from what was read of it. */
async function rewritten(tar: Uint8Array, pieceLength: number): Promise<Buffer> {
  const reader = new TarReader(inPieces(tar, pieceLength));
  const parts: Uint8Array[] = [];
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
    parts.push(encodeTarHeader(entry));
    for (let piece = await reader.read(); piece !== undefined; piece = await reader.read())
      parts.push(piece);
    parts.push(tarPadding(entry.size));
  }
  await reader.close();
  return Buffer.concat(parts);
}

describe('archives that duplicity wrote', () => {
  const sets = ['unencrypted', 'multivol', 'names-short', 'names-old', 'prefixes'].map(
    (set) => `${set}/dest`,
  );
  for (const set of [...sets, 'symmetric/cache']) {
    test(`${set}: read and written again are the same bytes`, async () => {
      const archives = archivesOf(set);
      assert.ok(archives.length >= 2);
      for (const { name, tar } of archives) {
        for (const pieceLength of [65_536, 511, 10_000_000]) {
          const again = await rewritten(tar, pieceLength);
          assert.ok(again.equals(tar.subarray(0, again.length)), name);
          assert.ok(
            tar.subarray(again.length).every((byte) => byte === 0),
            name,
          );
          assert.ok(tar.length - again.length < 10_240 + 1024, name);
        }
      }
    });
  }

  test('the trees they were made from', async () => {
    for (const { name, tar } of archivesOf('source')) {
      const reader = new TarReader(inPieces(tar, 65_536));
      const names: string[] = [];
      for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
        names.push(Buffer.from(entry.name).toString('latin1'));
      }
      assert.ok(names.length > 50, name);
      assert.ok(
        names.every((each) => each.startsWith('source tree')),
        name,
      );
    }
  });

  test('the GNU dialect: long names, and bytes that are no text', async () => {
    const names = new Map<string, string[]>();
    for (const { name, tar } of archivesOf('gnu-tar/dest')) {
      const reader = new TarReader(inPieces(tar, 1000));
      const found: string[] = [];
      for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
        found.push(`${entry.type} ${Buffer.from(entry.name).toString('latin1')}`);
        assert.equal(entry.records.size, 0);
      }
      names.set(name, found);
    }
    const volume = names.get('duplicity-full.20231114T221320Z.vol1.difftar.gz') ?? [];
    const signatures = names.get('duplicity-full-signatures.20231114T221320Z.sigtar.gz') ?? [];
    const long = `${'l'.repeat(130)}.txt`;
    assert.ok(volume.includes(`file snapshot/${long}`));
    assert.ok(volume.includes('file snapshot/latin1-?.txt'));
    assert.ok(volume.includes('symlink snapshot/sym-long'));
    assert.ok(signatures.includes(`file signature/${long}`));
    assert.ok(signatures.includes('file signature/latin1-\u00e9.txt'));
  });
});
