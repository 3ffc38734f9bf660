import { equalBytes } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { quotePath } from '../../../base/posix/system-error.ts';
import { type BackupSet, isEncrypted } from '../collection/backup-set.ts';
import type { Collection } from '../collection/collection.ts';
import { compareWithManifest } from '../collection/cross-check.ts';
import { describeFinding } from '../collection/finding.ts';
import type { DuplicityArchive } from '../duplicity-archive.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { SignatureState } from '../reader/signature-state.ts';

import { canReadBack } from './can-read-back.ts';
import { continueInterrupted, newestInterrupted } from './interrupted-set.ts';
import { placeOf, type SetIdentity, type SetPlace } from './set-place.ts';
import type { KnownState } from './source-merge.ts';
import type { ResumedSet } from './write-set.ts';

/** What decides about the next set. */
export interface SetRequest {
  /** `auto`: incremental if there is a chain to build upon. */
  readonly kind: 'auto' | 'full' | 'incremental';
  /** With `auto`: a full one if the newest full set is older than this, seconds since 1970. */
  readonly fullIfOlderThan?: number | undefined;
  readonly hostname: string;
  readonly sourcePath: Uint8Array;
  /** Go on with an archive of another host or directory. */
  readonly allowSourceMismatch: boolean;
  /** The set's time instead of now, seconds since 1970. */
  readonly time?: number | undefined;
  /** Whether this computer can decrypt what it writes; found out if undefined. */
  readonly canReadBack?: boolean | undefined;
  /** What an interrupted run stored of this path, and of what comes behind it, is not kept. */
  readonly before?: Uint8Array | undefined;
  /** Nothing may be changed, and nothing continued. */
  readonly dryRun?: boolean;
}

/** The set that is to be written. */
export interface PreparedSet {
  readonly identity: SetIdentity;
  readonly place: SetPlace;
  /** What the chain has; undefined for a full set. */
  readonly state: (() => KnownState) | undefined;
  readonly canReadBack: boolean;
  readonly resumed: ResumedSet | undefined;
}

/** How to stop, and whom to tell what is worth knowing. */
export interface PrepareOptions extends CallOptions {
  readonly notice: (message: string) => void;
  /** What of the archive is lost, and what follows from that. */
  readonly warn: (error: AppError) => void;
}

/**
 * Decides what set comes next: an interrupted one that goes on, an incremental or a full one; and proves before anything is written that it fits to what is there.
 *
 * @throws AppError `input/usage` with `details.missing` = `signatures` or `details.mismatch` = `host` | `source` | `settings`; `input/invalid` when the clock is behind the archive;
 *   `repository/wrong-passphrase`; `repository/damaged`; what the storage throws
 */
export async function prepareSet(
  archive: DuplicityArchive,
  request: SetRequest,
  options: PrepareOptions,
): Promise<PreparedSet> {
  let collection = await archive.collection(options);
  const isLocalChanged = await synchronised(archive, collection, options);
  if (isLocalChanged) collection = await archive.collection(options);
  const readable = request.canReadBack ?? (await canReadBack(archive.coding, options));
  const place = placeOf(archive);
  const interrupted = request.dryRun === true ? undefined : newestInterrupted(collection);
  if (interrupted !== undefined) {
    const base = baseOf(collection, interrupted);
    const continued = await continueInterrupted(archive, interrupted, base, {
      ...options,
      readable,
      before: request.before,
      belongs: (manifest) => isOfSource(manifest, request),
    });
    if (continued !== undefined) {
      const { set, start, end } = identityOf(interrupted);
      return { ...continued, identity: { set, start, end }, place, canReadBack: readable };
    }
    collection = await archive.collection(options);
  }
  const chosen = chosenBase(collection, request, options);
  const base = await soundBase(archive, chosen, request, options);
  if (base === undefined) {
    const end = await timeAfter(archive, collection, request, options);
    const identity: SetIdentity = { set: 'full', start: undefined, end };
    return { identity, place, state: undefined, canReadBack: readable, resumed: undefined };
  }
  await provePassphrase(archive, base.at(-1), readable, options);
  warnOfOpenSet(archive, base.at(-1), options);
  await demandSameSource(archive, base.at(-1), request, options);
  const start = base.at(-1)?.end;
  const end = await timeAfter(archive, collection, request, options);
  return {
    identity: { set: 'incremental', start, end },
    place,
    state: () => new SignatureState(archive, base, options),
    canReadBack: readable,
    resumed: undefined,
  };
}

/** Brings the local copies of the newest chain up to date. Gives whether anything was done. */
async function synchronised(
  archive: DuplicityArchive,
  collection: Collection,
  options: CallOptions,
): Promise<boolean> {
  const sets = collection.chains.at(-1)?.sets ?? [];
  const { remove, fetch } = await archive.synchronise(collection, { ...options, sets });
  return remove.length + fetch.length > 0;
}

/** The sets that the next one builds upon; undefined for a full one. */
function chosenBase(
  { active, chains, findings }: Collection,
  request: SetRequest,
  { warn }: PrepareOptions,
): readonly BackupSet[] | undefined {
  if (request.kind === 'full') return undefined;
  if (active === undefined) {
    if (request.kind === 'auto') {
      const newest = chains.at(-1);
      const loss = findings.find(
        (finding) =>
          finding.kind === 'orphaned-set' ||
          (finding.kind === 'missing-signatures' && newest?.sets.includes(finding.set) === true),
      );
      if (newest !== undefined && loss !== undefined) {
        warn(lossError(`${describeFinding(loss)}: a full backup is made, and what there is stays`));
      }
      return undefined;
    }
    throw new AppError(
      'input/usage',
      'There is no backup with signatures that an incremental one could build upon',
      { hint: 'Make a full backup first', details: { missing: 'signatures' } },
    );
  }
  const { fullIfOlderThan } = request;
  const isOld = fullIfOlderThan !== undefined && active.chain.full.end < fullIfOlderThan;
  if (request.kind === 'auto' && isOld) return undefined;
  return active.chain.sets;
}

/**
 * What builds upon a chain that has lost a volume cannot be restored either: where it is left to us, a full set is made instead. Found by the manifests, of which there are
 * local copies.
 */
async function soundBase(
  archive: DuplicityArchive,
  base: readonly BackupSet[] | undefined,
  { kind }: SetRequest,
  { warn, ...options }: PrepareOptions,
): Promise<readonly BackupSet[] | undefined> {
  for (const set of base ?? []) {
    const problem = await lossOf(archive, set, options);
    if (problem === undefined) continue;
    if (kind === 'auto') {
      warn(
        lossError(
          `${problem}: a full backup is made, since nothing that builds upon it could be restored`,
        ),
      );
      return undefined;
    }
    warn(lossError(`${problem}: what it held cannot be restored, and what builds upon it neither`));
    return base;
  }
  return base;
}

function lossError(message: string): AppError {
  return new AppError('repository/damaged', message);
}

/** What a set of a chain has lost, in words. */
async function lossOf(
  archive: DuplicityArchive,
  set: BackupSet,
  options: CallOptions,
): Promise<string | undefined> {
  try {
    const manifest = await archive.manifestOf(set, options);
    const loss = compareWithManifest(set, manifest).find(
      ({ kind }) => kind === 'missing-volumes' || kind === 'cut-manifest',
    );
    return loss && describeFinding(loss);
  } catch (error) {
    // Who cannot decrypt it cannot know.
    if (hasCode(error, 'repository/wrong-passphrase')) return undefined;
    if (hasCode(error, 'repository/damaged')) return error.message;
    throw error;
  }
}

/** The sets that an interrupted set builds upon; none if they are gone, or if another one has come behind them meanwhile, whose place it would take. */
function baseOf(collection: Collection, interrupted: BackupSet): readonly BackupSet[] | undefined {
  if (interrupted.type === 'full') return undefined;
  return collection.chains.find(({ end }) => end === interrupted.start)?.sets ?? [];
}

function identityOf({ type, start, end }: BackupSet): SetIdentity {
  return { set: type, start, end };
}

/** The time of the next set: later than that of every file that is there. */
export async function timeAfter(
  { clock }: DuplicityArchive,
  { remote }: Collection,
  { time }: Pick<SetRequest, 'time'>,
  options: CallOptions,
): Promise<number> {
  const latest = remote.reduce((most, { file }) => Math.max(most, file.end), 0);
  if (time !== undefined) {
    if (time > latest) return time;
    throw behind(latest);
  }
  for (;;) {
    const now = Math.floor(clock.now() / 1000);
    if (now > latest) return now;
    // The names of sets have whole seconds.
    if (latest - now > 2) throw behind(latest);
    await clock.sleep(1000, options);
  }
}

function behind(latest: number): AppError {
  const shown = new Date(latest * 1000).toISOString();
  return new AppError('input/invalid', `The archive has a backup of ${shown}, which is not past`, {
    hint: 'Set the clock of this computer',
  });
}

/** Decodes a file of the chain, so that nothing is added to it that is encrypted otherwise. */
export async function provePassphrase(
  archive: DuplicityArchive,
  set: BackupSet | undefined,
  readable: boolean,
  options: CallOptions,
): Promise<void> {
  const [firstVolume] = set?.volumes.values() ?? [];
  const file = set?.manifest ?? firstVolume;
  if (!readable || set === undefined || file === undefined || !isEncrypted(set)) return;
  if (archive.coding.coding !== 'openpgp') return;
  for await (const piece of archive.remote(file, options)) void piece;
}

/** A set that is not encrypted may follow one that is, as with the original; mostly somebody forgot a passphrase. */
function warnOfOpenSet(
  { coding }: DuplicityArchive,
  set: BackupSet | undefined,
  { warn }: PrepareOptions,
): void {
  if (set === undefined || !isEncrypted(set) || coding.coding === 'openpgp') return;
  const message =
    'The backups that this one builds upon are encrypted, and this one is not: whoever reads the destination can read all that has changed';
  warn(new AppError('input/invalid', message, { hint: 'Give the passphrase or the keys again' }));
}

async function demandSameSource(
  archive: DuplicityArchive,
  set: BackupSet | undefined,
  request: SetRequest,
  options: CallOptions,
): Promise<void> {
  if (request.allowSourceMismatch || set === undefined) return;
  const mismatch = sourceMismatch(await archive.manifestOf(set, options), request);
  if (mismatch !== undefined) throw mismatch;
}

/**
 * Whether an interrupted set is one of what is backed up now. One of something else must not go on: it would mix the two. A full backup does without it; another kind has to say so.
 */
function isOfSource(manifest: Manifest, request: SetRequest): boolean {
  if (request.allowSourceMismatch) return true;
  const mismatch = sourceMismatch(manifest, request);
  if (mismatch !== undefined && request.kind !== 'full') throw mismatch;
  return mismatch === undefined;
}

function sourceMismatch(
  manifest: Manifest,
  { hostname, sourcePath }: SetRequest,
): AppError | undefined {
  const hint = 'Choose another destination, or allow the mismatch if it is meant';
  if (manifest.hostname !== undefined && manifest.hostname !== hostname) {
    const message = `The archive was made on "${manifest.hostname}", this is "${hostname}"`;
    return new AppError('input/usage', message, { hint, details: { mismatch: 'host' } });
  }
  if (manifest.sourcePath !== undefined && !equalBytes(manifest.sourcePath, sourcePath)) {
    const message = `The archive is one of ${quotePath(manifest.sourcePath)}, not of ${quotePath(sourcePath)}`;
    return new AppError('input/usage', message, { hint, details: { mismatch: 'source' } });
  }
  return undefined;
}
