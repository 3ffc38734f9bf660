import { parsePeriod } from '../../base/duration.ts';
import { AppError } from '../../base/errors.ts';
import { parseTimeframes } from '../../model/timeframe.ts';
import { defineCommand } from '../command.ts';
import { listFlag, switchFlag, valueFlag, wholeNumber } from '../flag.ts';
import { archiveFlags } from './archive-flags.ts';
import { dryRun, repository, snapshotFilterFlags } from './shared-flags.ts';

const number = wholeNumber(0);
/** A count, or `all`. */
const parseCount = (text: string): number => (text === 'all' ? Infinity : number(text));
const count = (help: string, short?: string) =>
  valueFlag({ placeholder: 'N', parse: parseCount, help, ...(short !== undefined && { short }) });
const within = (help: string) => valueFlag({ placeholder: 'DURATION', parse: parsePeriod, help });

/** The flags that make up a retention policy. */
export const retentionFlags = {
  'keep-last': count('Keep the newest N snapshots', 'l'),
  'keep-hourly': count('Keep the newest snapshot of each of the last N hours that have one', 'H'),
  'keep-daily': count('The same for days', 'd'),
  'keep-weekly': count('The same for weeks, which begin on Monday', 'w'),
  'keep-monthly': count('The same for months', 'm'),
  'keep-yearly': count('The same for years', 'y'),
  'keep-within': within(
    'Keep all that is at most so much older than the newest (1y5m7d2h; m is months)',
  ),
  'keep-within-hourly': within('Keep hourly ones within this time'),
  'keep-within-daily': within('Keep daily ones within this time'),
  'keep-within-weekly': within('Keep weekly ones within this time'),
  'keep-within-monthly': within('Keep monthly ones within this time'),
  'keep-within-yearly': within('Keep yearly ones within this time'),
  'keep-tag': listFlag({
    placeholder: 'TAG[,TAG…]',
    help: 'Keep snapshots that have all of these tags; may be repeated',
  }),
  'keep-versions': count('Another name of --keep-last'),
  'keep-time': within('Another name of --keep-within'),
  'retention-policy': valueFlag({
    placeholder: 'POLICY',
    parse: parseTimeframes,
    help: 'Duplicati\'s list of timeframe:interval ("1W:1D,4W:1W,12M:1M"; U is unlimited)',
  }),
} as const;

export const forget = defineCommand({
  name: 'forget',
  summary: 'Drop snapshots by a policy, or by name',
  description: [
    'Policies are applied to each host and set of sources on its own; a snapshot stays if any rule keeps it. The newest snapshot of ' +
      'each always stays, and the floor in the settings of the repository (three, and one for each of the last seven days that had one) ' +
      'is not gone below without --force. Names that would break this are refused; with --force even the newest goes, if it is named.',
    'The space is freed by "holdfast prune", or at once with --prune.',
  ],
  positionals: {
    URL: repository,
    SNAPSHOT: { arity: 'any', kind: 'snapshot', help: 'Snapshots to forget, instead of a policy' },
  },
  flags: {
    ...retentionFlags,
    ...snapshotFilterFlags,
    job: valueFlag({
      placeholder: 'NAME',
      environment: false,
      help: 'Only snapshots of this job (all of an archive, which holds no tags)',
    }),
    prune: switchFlag({ help: 'Free the space at once' }),
    force: switchFlag({ help: 'Go below the floor; take a policy that keeps nothing at its word' }),
    'dry-run': dryRun,
    ...archiveFlags,
  },
  problem({ flags, arguments: { SNAPSHOT: named = [] } }) {
    const policy = Object.keys(retentionFlags).filter((name) => {
      const value = flags[name];
      return Array.isArray(value) ? value.length > 0 : value !== undefined;
    });
    if (policy.length > 0 && named.length > 0) {
      return new AppError('input/usage', `Give snapshots or a policy ("--${policy[0]}"), not both`);
    }
    if (policy.length === 0 && named.length === 0) {
      return new AppError('input/usage', 'Nothing says which snapshots to forget', {
        hint: 'Give a policy such as --keep-daily 7, or snapshots',
      });
    }
    return undefined;
  },
  examples: [
    [
      'holdfast forget /mnt/disk/documents --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run',
      'See what a policy keeps',
    ],
    [
      'holdfast forget /mnt/disk/documents --retention-policy 1W:1D,4W:1W,12M:1M --prune',
      'Thin out as Duplicati does, free the space',
    ],
    ['holdfast forget /mnt/disk/documents 4f2a91c0', 'Forget one snapshot'],
  ],
});
