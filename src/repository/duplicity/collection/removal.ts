/**
 * What the removing actions remove (docs/formats/duplicity.md 13, step 7), as lists of names in an order in which a killed run leaves nothing worse than what
 * `planCleanup` finds. Nothing here deletes anything; `executeRemoval` does.
 */
import { type ArchiveFile, type BackupSet, setKey } from './backup-set.ts';
import { type BackupChain, byTime } from './chain.ts';
import type { Collection } from './collection.ts';
import type { Place } from './signature-chain.ts';

/** A file to be removed. */
export interface RemovalStep {
  readonly place: Place;
  readonly name: string;
}

export interface RemovalPlan {
  /** Chains that go as a whole, oldest first. */
  readonly chains: readonly BackupChain[];
  /** All sets of which files go, oldest first. */
  readonly sets: readonly BackupSet[];
  /** Files of signatures that belong to none of these sets. */
  readonly signatures: readonly RemovalStep[];
  /** Everything that goes, in the order in which it has to. */
  readonly steps: readonly RemovalStep[];
  /** The newest chain, if it is old enough to go and stays only because it is the newest. */
  readonly spared: BackupChain | undefined;
}

/**
 * Removes whole chains that end before `time` (seconds since 1970), with their signatures; never the newest chain, even where duplicity would.
 */
export function planRemoveOlderThan(collection: Collection, time: number): RemovalPlan {
  const { chains, spared } = chainsOlderThan(collection, time);
  return planOf(
    chains,
    chains.flatMap(({ sets, superseded }) => [...sets, ...superseded]),
    strayChainSignatures(collection, time),
    spared,
  );
}

/**
 * Removes the chains before the newest `count` full sets. With fewer of them nothing goes.
 *
 * @throws RangeError unless `count` is a whole number above 0
 */
export function planKeepFull(collection: Collection, count: number): RemovalPlan {
  return planRemoveOlderThan(collection, timeOfNthFull(collection, count));
}

/** Removes the incremental sets of the chains that `planKeepFull` would remove; each full set stays, with its signatures. Throws as it does. */
export function planKeepIncrementals(collection: Collection, count: number): RemovalPlan {
  const time = timeOfNthFull(collection, count);
  const { chains, spared } = chainsOlderThan(collection, time);
  const sets = chains.flatMap(({ incrementals, superseded }) => [...incrementals, ...superseded]);
  const stray = strayChainSignatures(collection, time).filter(
    ({ file }) => file.file.set === 'incremental',
  );
  return planOf([], sets, stray, spared);
}

/**
 * Removes what is of no use: incomplete and interrupted sets, incremental ones that fit no chain, signatures of no complete set (also those at a chain's
 * end, that duplicity leaves and that then keep it from making incremental sets), and signatures behind such as are lost.
 */
export function planCleanup(collection: Collection): RemovalPlan {
  const { incomplete, interrupted, orphaned } = collection;
  const kept = new Set(collection.chains.flatMap(({ sets }) => sets.map((set) => setKey(set))));
  const unjoined = new Set(
    collection.findings.flatMap((finding) =>
      finding.kind === 'orphaned-signatures' ? [finding.file] : [],
    ),
  );
  const isUseless = (file: ArchiveFile): boolean =>
    unjoined.has(file) || (file.file.kind === 'signatures' && !kept.has(setKey(file.file)));
  const isStrayPart = ({ file }: ArchiveFile): boolean => file.partial && !kept.has(setKey(file));
  return planOf(
    [],
    [...incomplete, ...interrupted, ...orphaned],
    [
      ...collection.remote.filter(isUseless).map((file): Stray => ({ place: 'remote', file })),
      ...collection.local
        .filter((file) => isUseless(file) || isStrayPart(file))
        .map((file): Stray => ({ place: 'local', file })),
    ],
    undefined,
  );
}

/**
 * Removes sets of a selection that no other set builds upon: chains of which all go, and the last sets of others. What is in the selection and stays is `needed`.
 */
export function planRemoveSets(
  { chains }: Pick<Collection, 'chains'>,
  selection: ReadonlySet<BackupSet>,
): RemovalPlan & { readonly needed: readonly BackupSet[] } {
  const whole: BackupChain[] = [];
  const going: BackupSet[] = [];
  for (const chain of chains) {
    const kept = chain.sets.findLastIndex((set) => !selection.has(set)) + 1;
    going.push(...chain.sets.slice(kept));
    if (kept > 0) continue;
    whole.push(chain);
    going.push(...chain.superseded);
  }
  const gone = new Set(going);
  const needed = [...selection].filter((set) => !gone.has(set)).toSorted(byTime);
  return { ...planOf(whole, going, [], undefined), needed };
}

/** Sets older than a time that stay because later ones of the same chain build upon them; oldest first. */
export function setsStillNeeded(collection: Collection, time: number): BackupSet[] {
  return collection.chains
    .filter(({ end }) => end >= time)
    .flatMap(({ sets }) => sets.filter((set) => set.end < time))
    .toSorted(byTime);
}

/** Time of the `count`-th newest full set that begins a chain; 0 if there are fewer. */
export function timeOfNthFull({ chains }: Collection, count: number): number {
  if (!Number.isSafeInteger(count) || count < 1) throw new RangeError(`No number: ${count}`);
  const times = chains.map(({ start }) => start).toSorted((left, right) => right - left);
  return times[count - 1] ?? 0;
}

interface Stray {
  readonly place: Place;
  readonly file: ArchiveFile;
}

function chainsOlderThan(
  { chains }: Collection,
  time: number,
): { readonly chains: readonly BackupChain[]; readonly spared: BackupChain | undefined } {
  const newest = chains.at(-1);
  return {
    chains: chains.filter((chain) => chain !== newest && chain.end < time),
    spared: newest !== undefined && newest.end < time ? newest : undefined,
  };
}

/** Signatures of chains that ended before a time, whose sets are gone. */
function strayChainSignatures(collection: Collection, time: number): Stray[] {
  const keys = new Set(
    [
      ...collection.chains.flatMap(({ sets, superseded }) => [...sets, ...superseded]),
      ...collection.interrupted,
    ].map((set) => setKey(set)),
  );
  return collection.signatureChains
    .filter(({ end }) => end < time)
    .flatMap(({ place, files }) =>
      files.filter(({ file }) => !keys.has(setKey(file))).map((file): Stray => ({ place, file })),
    );
}

function planOf(
  chains: readonly BackupChain[],
  sets: readonly BackupSet[],
  strays: readonly Stray[],
  spared: BackupChain | undefined,
): RemovalPlan {
  const sorted = sets.toSorted(byTime);
  const ofSets = sorted.toReversed().flatMap(stepsOf);
  const known = new Set(ofSets.map(idOf));
  const signatures = strays
    .toSorted((left, right) => right.file.file.end - left.file.file.end)
    .map(({ place, file }): RemovalStep => ({ place, name: file.name }))
    .filter((step) => !known.has(idOf(step)));
  return { chains, sets: sorted, signatures, steps: [...ofSets, ...signatures], spared };
}

function idOf({ place, name }: RemovalStep): string {
  return `${place} ${name}`;
}

/**
 * The manifest goes first: from then on the set is not complete. The signatures follow at once, because left alone they would look like those of a
 * set that is to come; then the volumes from the last to the first, by which a killed run is noticed until the end.
 */
function stepsOf(set: BackupSet): RemovalStep[] {
  const remote = [
    set.manifest,
    ...set.others.filter(({ file }) => file.kind === 'manifest'),
    set.signatures,
    ...set.others.filter(({ file }) => file.kind === 'signatures'),
  ].filter((file) => file !== undefined);
  const volumes = [
    ...set.others.filter(({ file }) => file.kind === 'volume'),
    ...set.volumes.values(),
  ].toSorted((left, right) => (right.file.volume ?? 0) - (left.file.volume ?? 0));
  const rest = [...set.statistics, ...set.others.filter(({ file }) => file.kind === 'statistics')];
  const step =
    (place: Place) =>
    ({ name }: ArchiveFile): RemovalStep => ({ place, name });
  return [
    ...remote.map(step('remote')),
    ...set.local.toSorted(manifestsFirst).map(step('local')),
    ...rest.map(step('remote')),
    ...volumes.map(step('remote')),
  ];
}

function manifestsFirst(left: ArchiveFile, right: ArchiveFile): number {
  const rank = ({ file }: ArchiveFile): number => (file.kind === 'manifest' ? 0 : 1);
  return rank(left) - rank(right);
}
