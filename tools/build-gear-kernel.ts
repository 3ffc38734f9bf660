/**
 * Writes src/codec/chunker/gear-kernel.ts: the inner loop of the chunker as WebAssembly, from the text below.
 * Run with `node tools/build-gear-kernel.ts`; a test checks that the file is what this makes.
 */
import { writeFile } from 'node:fs/promises';
import process from 'node:process';

import wabt from 'wabt';

const UNROLLED = 8;

/** One step at `$p + ahead`: leave when the hash is zero under the mask, else take the byte in. */
function step(ahead: number): string {
  return `
        (if (i32.eqz (i32.and (local.get $h) (local.get $mask)))
          (then
            (global.set $state (local.get $h))
            (return (i32.add (local.get $p) (i32.const ${ahead})))))
        (local.set $h (i32.add
          (i32.shl (local.get $h) (i32.const 1))
          (i32.load (i32.shl (i32.load8_u offset=${ahead} (local.get $p)) (i32.const 2)))))`;
}

/**
 * `find(p, end, mask, h)`: the first position from p on, before `end`, whose hash is zero under `mask`; `end` if there is none. h is the
 * hash of the bytes before p; `state()` is the hash at the position returned. The gear table lies at address 0.
 */
const source = `(module
  (import "env" "memory" (memory 1))
  (global $state (mut i32) (i32.const 0))
  (func (export "state") (result i32) (global.get $state))
  (func (export "find") (param $p i32) (param $end i32) (param $mask i32) (param $h i32) (result i32)
    (block $tail
      (loop $fast
        (br_if $tail (i32.gt_u (i32.add (local.get $p) (i32.const ${UNROLLED})) (local.get $end)))
        ${Array.from({ length: UNROLLED }, (_, ahead) => step(ahead)).join('')}
        (local.set $p (i32.add (local.get $p) (i32.const ${UNROLLED})))
        (br $fast)))
    (block $done
      (loop $slow
        (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
        ${step(0)}
        (local.set $p (i32.add (local.get $p) (i32.const 1)))
        (br $slow)))
    (global.set $state (local.get $h))
    (local.get $end)))
`;

/** The text of the generated file. */
export async function gearKernelFile(): Promise<string> {
  const module = (await wabt()).parseWat('gear.wat', source);
  try {
    const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
    const lines = base64.match(/.{1,100}/gu) ?? [];
    return `/** Made by tools/build-gear-kernel.ts, which holds the source: do not edit. */
export const gearKernel = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('');
`;
  } finally {
    module.destroy();
  }
}

if (process.argv[1] === import.meta.filename) {
  await writeFile(
    new URL('../src/codec/chunker/gear-kernel.ts', import.meta.url),
    await gearKernelFile(),
  );
}
