import { program } from '../published-program.ts';
import { type Tool, passphrase } from './tool.ts';

/** All defaults. */
export const holdfast: Tool = {
  name: 'holdfast',
  settings: 'all defaults: zstd 2, AES-256-GCM, verification before upload',
  version: [program, '--version'],
  commands: ({ source, repository, copy, target, state }) => ({
    prepare: { first: [program, 'init', repository] },
    first: [program, 'backup', source, repository],
    second: [program, 'backup', source, repository],
    snapshots: [program, 'snapshots', repository],
    check: [program, 'check', repository, '--read-data'],
    copy: [program, 'copy', repository, copy],
    restore: [program, 'restore', repository, '--target', target],
    restoredTo: target,
    environment: { HOLDFAST_PASSPHRASE: passphrase, HOLDFAST_CACHE_DIR: state },
  }),
};
