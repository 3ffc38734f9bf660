import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type Tool, passphrase } from './tool.ts';

const program = publishedProgram(fileURLToPath(new URL('../../', import.meta.url)));

/** This checkout as it is published: the launcher with compiled sources beside it, which `npm run bench` has just made. */
function publishedProgram(checkout: string): string {
  const root = join(checkout, '.bench', 'program');
  const launcher = join(root, 'bin', 'holdfast');
  if (!existsSync(join(checkout, 'dist', 'main.js'))) throw new Error('Run "npm run build" first');
  rmSync(root, { recursive: true, force: true });
  mkdirSync(dirname(launcher), { recursive: true });
  copyFileSync(join(checkout, 'bin', 'holdfast'), launcher);
  for (const name of ['dist', 'node_modules', 'package.json']) {
    symlinkSync(join(checkout, name), join(root, name));
  }
  return launcher;
}

/** All defaults. */
export const holdfast: Tool = {
  name: 'holdfast',
  settings: 'all defaults: zstd 2, AES-256-GCM, verification before upload',
  version: [program, '--version'],
  commands: ({ source, repository, target, state }) => ({
    init: [program, 'init', repository],
    first: [program, 'backup', source, repository],
    second: [program, 'backup', source, repository],
    snapshots: [program, 'snapshots', repository],
    check: [program, 'check', repository, '--read-data'],
    restore: [program, 'restore', repository, '--target', target],
    restoredTo: target,
    environment: { HOLDFAST_PASSPHRASE: passphrase, HOLDFAST_CACHE_DIR: state },
  }),
};
