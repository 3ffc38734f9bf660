import { AppError } from '../../base/errors.ts';
import type { BackupJob, JobFilters, JobRetention } from '../../model/job.ts';

/** Values of flags by name without dashes. */
export type FlagSettings = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** Flags as arguments. `true` is the flag alone, `false` and `undefined` nothing, a list the flag several times. */
export function flagArguments(settings: FlagSettings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    if (!/^[a-z][a-z0-9-]*$/u.test(name)) {
      throw new AppError('input/invalid', `"${name}" cannot be the name of a flag`);
    }
    if (value === undefined || value === false) return [];
    if (value === true) return [`--${name}`];
    if (typeof value === 'object') return value.map((item) => `--${name}=${item}`);
    return [`--${name}=${value}`];
  });
}

/** The filters of a job as flags of `holdfast backup`, in an order in which they mean what they say. */
export function filterArguments(filters: JobFilters = {}): string[] {
  const {
    rules = [],
    include = [],
    exclude = [],
    excludeFrom = [],
    excludeIfPresent = [],
  } = filters;
  return [
    // What is included comes first: it says that nothing else is taken, and exclusions are made of that.
    ...include.map((glob) => `--include=${glob}`),
    ...exclude.map((glob) => `--exclude=${glob}`),
    ...excludeFrom.map((file) => `--exclude-from=${file}`),
    ...rules.map(ruleArgument),
    ...excludeIfPresent.map((name) => `--exclude-if-present=${name}`),
    ...flagArguments({
      'exclude-caches': filters.excludeCaches,
      'exclude-larger-than': filters.excludeLargerThan,
      'one-file-system': filters.oneFileSystem,
    }),
  ];
}

function ruleArgument(rule: string): string {
  const [, sign, glob] = /^([+-]) +(.+)$/su.exec(rule) ?? [];
  if (sign !== undefined) return `--${sign === '+' ? 'include' : 'exclude'}=${glob}`;
  throw new AppError('input/invalid', `The rule "${rule}" begins neither with "+ " nor with "- "`);
}

/** What is common to the snapshots of files and databases of a job. */
export function snapshotArguments({ name, tags = [], host, options = {} }: BackupJob): string[] {
  return [
    `--job=${name}`,
    ...tags.map((tag) => `--tag=${tag}`),
    ...(host === undefined ? [] : [`--host=${host}`]),
    ...flagArguments(options),
  ];
}

/** A retention as flags of `holdfast forget`; nothing if it keeps everything. */
export function retentionArguments(retention: JobRetention): string[] {
  const policy = flagArguments({
    'keep-last': retention.keepLast,
    'keep-hourly': retention.keepHourly,
    'keep-daily': retention.keepDaily,
    'keep-weekly': retention.keepWeekly,
    'keep-monthly': retention.keepMonthly,
    'keep-yearly': retention.keepYearly,
    'keep-within': retention.keepWithin,
    'retention-policy': retention.policy,
  });
  // Tags alone would keep what has them, and drop the rest: also the backup that was just made.
  if (policy.length === 0) return [];
  return [...policy, ...(retention.keepTags ?? []).map((tag) => `--keep-tag=${tag}`)];
}

/** Run parameters of a kind of activity, as flags; throws `input/usage` for one that means nothing there. */
export function parameterArguments(
  parameters: Readonly<Record<string, string>>,
  known: Readonly<Record<string, (value: string) => readonly string[]>>,
): string[] {
  return Object.entries(parameters).flatMap(([name, value]) => {
    const toArguments = Object.hasOwn(known, name) ? known[name] : undefined;
    if (toArguments !== undefined) return [...toArguments(value)];
    throw new AppError('input/usage', `"${name}" is no parameter of this kind of run`, {
      hint: `There are ${Object.keys(known)
        .map((one) => `"${one}"`)
        .join(', ')}`,
    });
  });
}
