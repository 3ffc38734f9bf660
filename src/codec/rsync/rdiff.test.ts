import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import {
  bytesOf,
  deltaOf,
  edited,
  mapOf,
  patchedWhole,
  piecesOf,
  signatureOf,
} from '#test/support/rsync-samples.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { missingPrograms } from '../../../test/servers/required-programs.ts';
import { runProgram } from '../../base/process.ts';
import { DeltaChain, patched } from './delta-chain.ts';
import { Signature, SignatureBuilder } from './signature.ts';

const kinds = [
  ['rollsum-md4', 'md4', 'rollsum', 16],
  ['rollsum-blake2b', 'blake2', 'rollsum', 32],
  ['rabin-karp-md4', 'md4', 'rabinkarp', 16],
  ['rabin-karp-blake2b', 'blake2', 'rabinkarp', 32],
] as const;

const sizes = [0, 1, 63, 64, 511, 512, 513, 1024, 5000, 300_003];

async function rdiff(...parameters: readonly string[]): Promise<void> {
  const end = await runProgram(['rdiff', '--force', ...parameters]);
  assert.equal(end.status, 0, end.lastWords);
}

describe('librsync’s own program', { skip: missingPrograms(['rdiff']) }, () => {
  for (const [kind, hash, rollsum, mostStrong] of kinds) {
    for (const blockLength of [7, 512, 1536]) {
      test(`${kind} with blocks of ${blockLength}: signatures and deltas are the same`, async () => {
        await using directory = await temporaryDirectory();
        const at = (name: string): string => path.join(directory.path, name);
        for (const size of sizes) {
          const strongLength = size % 2 === 0 ? 8 : mostStrong;
          const old = bytesOf(size + blockLength, size);
          await writeFile(at('old'), old);
          const sums = ['-H', hash, '-R', rollsum];
          const lengths = ['-b', String(blockLength), '-S', String(strongLength)];
          await rdiff(...sums, ...lengths, 'signature', at('old'), at('signature'));
          const builder = new SignatureBuilder({ kind, blockLength, strongLength });
          for (const piece of piecesOf(old, 1000)) builder.update(piece);
          const signature = builder.finish();
          assert.deepEqual(Buffer.from(signature), await readFile(at('signature')), String(size));

          const fresh = edited(old, [
            { at: 0.3, removed: 40, added: 70_000 },
            { at: 0.8, removed: 0, added: 3 },
            { at: 0.9, removed: 2, added: 0 },
          ]);
          await writeFile(at('new'), fresh);
          await rdiff('delta', at('signature'), at('new'), at('delta'));
          const theirs = await readFile(at('delta'));
          const ours = deltaOf(Signature.parse(signature), piecesOf(fresh, 9000));
          assert.deepEqual(patchedWhole(old, theirs), fresh);
          // Without a signature it cuts literals elsewhere.
          if (size > 0) assert.deepEqual(Buffer.from(ours), theirs, String(size));

          await writeFile(at('delta'), ours);
          await rdiff('patch', at('old'), at('delta'), at('patched'));
          assert.deepEqual(await readFile(at('patched')), Buffer.from(fresh));
        }
      });
    }
  }

  test('its deltas in a chain are patched in one pass', async () => {
    await using directory = await temporaryDirectory();
    const at = (name: string): string => path.join(directory.path, name);
    const sources = [bytesOf(1, 200_000)];
    const maps = [];
    let current = sources[0]!;
    for (let version = 1; version < 6; version++) {
      const fresh = edited(current, [
        { at: version / 10, removed: 700 * version, added: 1000 },
        { at: 1 - version / 12, removed: 10, added: 0 },
      ]);
      await writeFile(at('old'), current);
      await writeFile(at('new'), fresh);
      await rdiff('-b', '600', 'signature', at('old'), at('signature'));
      await rdiff('delta', at('signature'), at('new'), at('delta'));
      const { map, literals } = mapOf(await readFile(at('delta')), 4096);
      maps.push(map);
      sources.push(literals);
      current = fresh;
    }
    const parts: Uint8Array[] = [];
    const chain = new DeltaChain(sources[0]!.length, maps);
    for await (const part of patched(chain, (source, offset, length) =>
      sources[source]!.subarray(offset, offset + length),
    )) {
      parts.push(part);
    }
    assert.deepEqual(Buffer.concat(parts), Buffer.from(current));
  });

  test('a run of one byte becomes fewer copies than its own', async () => {
    await using directory = await temporaryDirectory();
    const at = (name: string): string => path.join(directory.path, name);
    const zeros = new Uint8Array(100_000);
    const delta = deltaOf(signatureOf(zeros, { blockLength: 512 }), [zeros]);
    await writeFile(at('old'), zeros);
    await writeFile(at('delta'), delta);
    await rdiff('patch', at('old'), at('delta'), at('patched'));
    assert.deepEqual(await readFile(at('patched')), Buffer.from(zeros));
    assert.equal(delta.length, 4 + 6 + 1);
  });
});
