import { AppError } from '../../base/errors.ts';
import { parsePortion, parseSize } from '../../base/size.ts';
import { defineCommand } from '../command.ts';
import { optionalValueFlag, switchFlag, valueFlag } from '../flag.ts';
import { archiveFlags } from './archive-flags.ts';
import { dryRun, repository, yes } from './shared-flags.ts';

/** What is left of an amount that is given in bytes or as a part of what there is. */
export type RepackLimit = { readonly bytes: number } | { readonly percent: number };

function parseRepackLimit(text: string): RepackLimit {
  const percent = /^(\d{1,3}(?:\.\d+)?)%$/u.exec(text);
  return percent === null ? { bytes: parseSize(text) } : { percent: Number(percent[1]) };
}

export const check = defineCommand({
  name: 'check',
  summary: 'Look for damage',
  description: [
    'Without flags it proves that every snapshot is complete and everything it needs is there. With --read-data all content is read, ' +
      'decrypted and compared, or a part of it: a random percentage, one of several equal parts (1/7 today, 2/7 tomorrow), or about so ' +
      'many bytes. Damage makes the exit code 13.',
  ],
  positionals: { URL: repository },
  flags: {
    'read-data': optionalValueFlag({
      placeholder: '10%|1/7|500M',
      parse: parsePortion,
      help: 'Read all content, or a part of it',
    }),
    repair: switchFlag({ help: 'Show what can be repaired, ask, and do it' }),
    yes,
    'dry-run': dryRun,
    ...archiveFlags,
  },
  problem: ({ flags }) =>
    flags['yes'] === true && flags['repair'] !== true
      ? new AppError('input/usage', '"--yes" is only of use with "--repair"')
      : undefined,
  examples: [
    ['holdfast check /mnt/disk/documents', 'Check the structure'],
    ['holdfast check /mnt/disk/documents --read-data=10%', 'And read a tenth of the content'],
    ['holdfast check /mnt/disk/documents --repair --dry-run', 'See what a repair would do'],
  ],
});

export const prune = defineCommand({
  name: 'prune',
  summary: 'Free the space that no snapshot needs',
  description: [
    'Backups may go on meanwhile. What is freed first waits in tombstones until no running backup can need it.',
  ],
  positionals: { URL: repository },
  flags: {
    'dry-run': dryRun,
    'max-repack': valueFlag({
      placeholder: 'SIZE|N%',
      parse: parseRepackLimit,
      help: 'Rewrite at most so much in one run',
    }),
    'clear-tombstones': switchFlag({ help: 'Do not wait: only safe when no backup runs anywhere' }),
    alone: switchFlag({
      help: 'Nobody else prunes now: for storages that do not say how old their listings may be',
    }),
    yes,
    ...archiveFlags,
  },
  examples: [
    ['holdfast prune /mnt/disk/documents --dry-run', 'See what would be freed'],
    ['holdfast prune s3://bucket/host --max-repack 10G', 'Rewrite at most 10 GiB'],
  ],
});

export const rebuildIndex = defineCommand({
  name: 'rebuild-index',
  summary: 'Make the index anew from the packs',
  positionals: { URL: repository },
  flags: { 'dry-run': dryRun },
  examples: [['holdfast rebuild-index /mnt/disk/documents', 'Repair a lost or damaged index']],
});
