/**
 * Writes src/codec/rsync/rsync-kernel.ts: the inner loops of librsync's checksums and of the search for known blocks as WebAssembly, from
 * the text in tools/rsync-kernel. Run with `node tools/build-rsync-kernel.ts`; a test checks that the file is what this makes.
 */
import { writeFile } from 'node:fs/promises';
import process from 'node:process';

import wabt from 'wabt';

import { blake2b } from './rsync-kernel/blake2b.ts';
import { blockTable, scans } from './rsync-kernel/block-table.ts';
import { md4 } from './rsync-kernel/md4.ts';
import { weakSums } from './rsync-kernel/weak-sums.ts';

const source = `(module (import "env" "memory" (memory 1)) ${md4} ${blake2b} ${weakSums} ${blockTable} ${scans})`;

/** The text of the generated file. */
export async function rsyncKernelFile(): Promise<string> {
  const module = (await wabt()).parseWat('rsync.wat', source, { simd: true, bulk_memory: true });
  try {
    const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
    const lines = base64.match(/.{1,100}/gu) ?? [];
    return `/** Made by tools/build-rsync-kernel.ts, which holds the source: do not edit. */
export const rsyncKernel = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('');
`;
  } finally {
    module.destroy();
  }
}

if (process.argv[1] === import.meta.filename) {
  await writeFile(
    new URL('../src/codec/rsync/rsync-kernel.ts', import.meta.url),
    await rsyncKernelFile(),
  );
}
