/** This checkout as it is published, made anew: what is measured is what people install, not the sources, which take longer to start. */
import { copyFileSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';

import { buildProgram } from '../tools/build-program.ts';

const checkout = path.resolve(import.meta.dirname, '..');
const directory = path.join(checkout, '.bench', 'program');

/** Its launcher. */
export const program = path.join(directory, 'bin', 'holdfast');
/** What the benchmark of the destinations transfers objects with, made of the same sources in the same way. */
export const transfer = path.join(directory, 'with-transfer', 'transfer.js');

rmSync(directory, { recursive: true, force: true });
mkdirSync(path.dirname(program), { recursive: true });
copyFileSync(path.join(checkout, 'bin', 'holdfast'), program);
for (const name of ['node_modules', 'package.json'])
  symlinkSync(path.join(checkout, name), path.join(directory, name));
await buildProgram(path.join(directory, 'dist'));
await buildProgram(path.dirname(transfer), {
  transfer: path.join(checkout, 'bench', 'destinations', 'transfer.ts'),
});
