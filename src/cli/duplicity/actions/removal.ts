import { setKey } from '../../../repository/duplicity/collection/backup-set.ts';
import type { BackupChain } from '../../../repository/duplicity/collection/chain.ts';
import { executeRemoval } from '../../../repository/duplicity/collection/execute-removal.ts';
import {
  planCleanup,
  planKeepFull,
  planKeepIncrementals,
  planRemoveOlderThan,
  type RemovalPlan,
  setsStillNeeded,
} from '../../../repository/duplicity/collection/removal.ts';
import {
  openDuplicityArchive,
  type OpenedArchive,
  synchroniseArchive,
  tellLastFull,
  useOfMetadata,
} from '../open-duplicity-archive.ts';
import { calendarTime } from '../python-text.ts';
import { type DuplicityRun, timeOf } from '../run-settings.ts';

/** The actions that remove: they only say what they would remove, unless `--force` is given. */
export async function run(given: DuplicityRun): Promise<number> {
  const { action } = given;
  const url = action.arguments.at(-1)!;
  const isCleanup = action.name === 'cleanup';
  await using opened = await openDuplicityArchive(url, given, {
    use: ({ chains }) => (isCleanup ? useOfMetadata(chains.at(-1)?.sets ?? []) : 'names'),
    lock: true,
  });
  if (isCleanup) await cleanUp(opened, given);
  else await removeOld(opened, given);
  return 0;
}

async function cleanUp(opened: OpenedArchive, given: DuplicityRun): Promise<void> {
  const { log } = given;
  await synchroniseArchive(opened, given, opened.collection.chains.at(-1)?.sets ?? []);
  const plan = planCleanup(opened.collection);
  if (plan.steps.length === 0) {
    log.warning('No extraneous files found, nothing deleted in cleanup.');
    return;
  }
  const names = namesOf(plan);
  const isOne = names.length === 1;
  const shown = names.join('\n');
  if (isForced(given)) {
    log.notice(`Deleting ${isOne ? 'this file' : 'these files'} from backend:\n${shown}`);
    await execute(plan, opened, given);
  } else {
    log.notice(
      `Found the following ${isOne ? 'file' : 'files'} to delete:\n${shown}\nRun duplicity again with the --force option to actually delete.`,
    );
  }
}

/** What goes, in duplicity's order: copies of signatures, files on the destination, those of signatures last. Copies alone if there is nothing else. */
function namesOf({ steps, signatures }: RemovalPlan): readonly string[] {
  const strays = signatures.toReversed();
  const ofSets = steps.filter((step) => !signatures.includes(step));
  const names = [
    ...strays.filter(({ place }) => place === 'local'),
    ...ofSets.filter(({ place }) => place === 'remote'),
    ...strays.filter(({ place }) => place === 'remote'),
  ];
  return (names.length > 0 ? names : steps).map(({ name }) => name);
}

async function removeOld(opened: OpenedArchive, given: DuplicityRun): Promise<void> {
  const { log, action, context } = given;
  const { collection } = opened;
  const shown = (time: number): string => calendarTime(time, context.timeZone);
  tellLastFull(collection, given);
  const plan = planOf(opened, given);
  if (action.name === 'remove-older-than') {
    const time = timeOf(action.arguments[0]!, given);
    const needed = setsStillNeeded(collection, time);
    if (needed.length > 0) {
      const times = needed.map(({ end }) => shown(end)).join('\n');
      log.warning(
        `There are backup set(s) at time(s):\n${times}\nWhich can't be deleted because newer sets depend on them.`,
      );
    }
    if (plan.spared !== undefined) {
      log.warning(
        'Current active backup chain is older than specified time.  However, it will not be deleted.  To remove all your backups, manually purge the repository.',
      );
    }
  }
  if (plan.steps.length === 0) {
    log.notice('No old backup sets found, nothing deleted.');
    return;
  }
  const chains = chainsOf(plan, opened);
  const times = chains.map(({ end }) => shown(end)).join('\n');
  const isOne = chains.length === 1;
  if (!isForced(given)) {
    log.notice(
      `Found old backup ${isOne ? 'chain at the following time' : 'chains at the following times'}:\n${times}\nRerun command with --force option to actually delete.`,
    );
    return;
  }
  log.notice(`Deleting backup ${isOne ? 'chain at time' : 'chains at times'}:\n${times}`);
  const isWhole = action.name !== 'remove-all-inc-of-but-n-full';
  const begin = isWhole ? 'Deleting complete' : 'Deleting any incremental';
  const rooted = isWhole ? '' : ' rooted at';
  for (const signatures of collection.signatureChains.toReversed()) {
    if (!chains.some(({ start }) => start === signatures.start)) continue;
    log.notice(`${begin} signature chain${rooted} ${shown(signatures.end)}`);
  }
  for (const chain of chains.toReversed()) {
    log.notice(`${begin} backup chain${rooted} ${shown(chain.end)}`);
  }
  await execute(plan, opened, given);
}

function planOf({ collection }: OpenedArchive, given: DuplicityRun): RemovalPlan {
  const [first] = given.action.arguments;
  switch (given.action.name) {
    case 'remove-all-but-n-full':
      return planKeepFull(collection, Number(first));
    case 'remove-all-inc-of-but-n-full':
      return planKeepIncrementals(collection, Number(first));
    default:
      return planRemoveOlderThan(collection, timeOf(first!, given));
  }
}

/** The chains of which something goes, oldest first. */
function chainsOf({ sets }: RemovalPlan, { collection }: OpenedArchive): readonly BackupChain[] {
  const going = new Set(sets.map((set) => setKey(set)));
  return collection.chains.filter((chain) =>
    [...chain.sets, ...chain.superseded].some((set) => going.has(setKey(set))),
  );
}

function isForced({ line: { options } }: DuplicityRun): boolean {
  return options.has('force');
}

async function execute(
  plan: RemovalPlan,
  { archive }: OpenedArchive,
  { log, context, line }: DuplicityRun,
): Promise<void> {
  if (line.options.has('dry-run')) return;
  await executeRemoval(plan, archive, {
    signal: context.signal,
    onRemoved: ({ name }) => log.info(`Deleting ${name}`),
  });
}
