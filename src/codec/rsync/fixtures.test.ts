import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import {
  commandsOf,
  deltaOf,
  mapOf,
  patchedWhole,
  signatureOf,
} from '#test/support/rsync-samples.ts';

import { toHex } from '../../base/bytes.ts';
import { DeltaChain, patched } from './delta-chain.ts';
import { Signature } from './signature.ts';

const folder = new URL('../../../test/fixtures/duplicity/', import.meta.url);
const dest = 'unencrypted/dest/duplicity-';
const [t0, t1, t2] = ['20231114T221320Z', '20231115T221320Z', '20231116T221320Z'];

/** The regular files of a tar whose names are short, by name. */
async function filesOf(name: string): Promise<Map<string, Uint8Array>> {
  const tar = gunzipSync(await readFile(new URL(name, folder)));
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const field = (from: number, length: number): string =>
      tar.toString('latin1', at + from, at + from + length).replace(/[\0 ]*$/u, '');
    const size = Number.parseInt(field(124, 12), 8);
    if (field(156, 1) === '0') files.set(field(0, 100), tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

describe('archives of the real program', async () => {
  const [source0, source1, source2, signatures0, signatures1, volume1, volume2] =
    (await Promise.all(
      [
        'source/source-t0.tar.gz',
        'source/source-t1.tar.gz',
        'source/source-t2.tar.gz',
        `${dest}full-signatures.${t0}.sigtar.gz`,
        `${dest}new-signatures.${t0}.to.${t1}.sigtar.gz`,
        `${dest}inc.${t0}.to.${t1}.vol1.difftar.gz`,
        `${dest}inc.${t1}.to.${t2}.vol1.difftar.gz`,
      ].map(filesOf),
    )) as [FileMap, FileMap, FileMap, FileMap, FileMap, FileMap, FileMap];
  type FileMap = Map<string, Uint8Array>;

  test('hold the signatures that we make', () => {
    let compared = 0;
    for (const [signatures, source] of [
      [signatures0, source0],
      [signatures1, source1],
    ] as const) {
      for (const [name, bytes] of signatures) {
        const file = source.get(name.replace(/^signature\//u, 'source tree/'));
        if (!name.startsWith('signature/') || file === undefined) continue;
        const theirs = Signature.parse(bytes);
        const ours = signatureOf(file, { blockLength: theirs.blockLength });
        assert.equal(toHex(ours.records), toHex(theirs.records), name);
        compared++;
      }
    }
    assert.ok(compared > 20, String(compared));
  });

  test('hold deltas that we read as the specification words them', () => {
    assert.deepEqual(commandsOf(volume1.get('diff/touch-only')!), ['copy 0+720']);
    assert.deepEqual(commandsOf(volume1.get('diff/shrinks.dat')!), ['copy 0+1024', 'literal 476']);
    assert.deepEqual(commandsOf(volume1.get('diff/changes.txt')!).slice(0, 3), [
      'copy 0+2048',
      'literal 487',
      'copy 2560+3584',
    ]);
  });

  test('hold the deltas that we make, and their files', () => {
    let compared = 0;
    for (const [name, delta] of volume1) {
      if (!name.startsWith('diff/')) continue;
      const path = name.replace(/^diff\//u, 'source tree/');
      const fresh = source1.get(path);
      const old = source0.get(path);
      const signature = signatures0.get(name.replace(/^diff\//u, 'signature/'));
      if (fresh === undefined || old === undefined || signature === undefined) continue;
      assert.equal(toHex(patchedWhole(old, delta)), toHex(fresh), name);
      assert.equal(toHex(deltaOf(Signature.parse(signature), [fresh])), toHex(delta), name);
      compared++;
    }
    assert.ok(compared >= 5, String(compared));
  });

  test('restore to the newest state in one pass', async () => {
    let restored = 0;
    for (const [name, delta2] of volume2) {
      const path = name.replace(/^diff\//u, 'source tree/');
      const delta1 = volume1.get(name);
      const base = source0.get(path);
      if (!name.startsWith('diff/') || delta1 === undefined || base === undefined) continue;
      const first = mapOf(delta1);
      const second = mapOf(delta2);
      const sources = [base, first.literals, second.literals];
      const chain = new DeltaChain(base.length, [first.map, second.map]);
      const parts: Uint8Array[] = [];
      for await (const part of patched(chain, (source, offset, length) =>
        sources[source]!.subarray(offset, offset + length),
      )) {
        parts.push(part);
      }
      assert.equal(toHex(Buffer.concat(parts)), toHex(source2.get(path)!), name);
      restored++;
    }
    assert.ok(restored >= 2, String(restored));
  });
});
