import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { quotePath } from '../../../base/posix/system-error.ts';
import { blockLengthFor } from '../../../codec/rsync/signature.ts';
import type { BackupSet } from '../collection/backup-set.ts';
import type { DuplicityArchive } from '../duplicity-archive.ts';
import { compareIndex } from '../index-order.ts';
import { type ArchivedEntry, ArchiveReader } from '../reader/archive-reader.ts';
import { type SignatureEntry, signatureState } from '../reader/signature-state.ts';
import { canReadBack } from './can-read-back.ts';
import { sizesOfSignature } from './change-detection.ts';
import { CONTENT_BLOCK } from './file-writer.ts';
import { timeAfter } from './prepare-set.ts';
import { placeOf, type SetIdentity } from './set-place.ts';
import type { SourceItem } from './source-item.ts';
import { StreamedContent } from './streamed-content.ts';
import { type WrittenSet, writeSet } from './write-set.ts';

/** How the new set is made. */
export interface SyntheticFullInput {
  /** Bytes; a volume is not longer. */
  readonly volumeSize: number;
  /** Volumes stored at once. */
  readonly concurrency: number;
  /** Decode every volume before it is stored. */
  readonly verify: boolean;
  /** The set's time instead of now, seconds since 1970. */
  readonly time?: number | undefined;
  readonly onItem?: (path: Uint8Array, size: number) => void;
  readonly onVolume?: (number: number, bytes: number) => void;
}

/** The new set. */
export interface SyntheticFull {
  readonly identity: SetIdentity;
  readonly written: WrittenSet;
}

/**
 * Makes a new full set of the newest chain, without its source: what the last incremental set gives is read from the archive and stored whole. Every content is compared with the
 * signature that the chain has of it, so that nothing damaged is passed on; whatever is wrong ends it, and then there is no new set.
 *
 * @returns undefined if the newest chain is only a full set
 * @throws AppError `snapshot/missing` if there is no chain; `repository/locked` while an interrupted backup is not finished; `repository/damaged`; what the storage throws
 */
export async function writeSyntheticFull(
  archive: DuplicityArchive,
  input: SyntheticFullInput,
  options: CallOptions = {},
): Promise<SyntheticFull | undefined> {
  const collection = await archive.collection(options);
  const sets = collection.chains.at(-1)?.sets;
  const last = sets?.at(-1);
  if (sets === undefined || last === undefined) {
    throw new AppError('snapshot/missing', 'There is no complete backup in the archive');
  }
  if (collection.interrupted.some(({ end }) => end > last.end)) {
    throw new AppError('repository/locked', 'An interrupted backup of the archive is unfinished', {
      hint: 'Run the backup again, or remove what it left with cleanup',
    });
  }
  if (sets.length === 1) return undefined;
  await archive.synchronise(collection, { ...options, sets });
  const manifest = await archive.manifestOf(last, options);
  const end = await timeAfter(archive, collection, input, options);
  const identity: SetIdentity = { set: 'full', start: undefined, end };
  const written = await writeSet(
    placeOf(archive),
    {
      identity,
      hostname: manifest.hostname,
      sourcePath: manifest.sourcePath,
      items: archivedItems(archive, sets, options),
      state: undefined,
      isUnreadable: () => false,
      volumeSize: input.volumeSize,
      concurrency: input.concurrency,
      verify: input.verify && (await canReadBack(archive.coding, options)),
      numericOwner: false,
      skipIfNoChange: false,
      dryRun: false,
      listFiles: true,
      extensions: true,
      blockLength: (size) => blockLengthFor(size),
      onItem: (_outcome, path, size) => input.onItem?.(path, size),
      onProblem: (_path, error) => {
        throw error;
      },
      onVolume: (number, bytes) => input.onVolume?.(number, bytes),
      resumed: undefined,
    },
    options,
  );
  return { identity, written };
}

/** The state after the last of the sets, each file with its signature. */
async function* archivedItems(
  archive: DuplicityArchive,
  sets: readonly BackupSet[],
  options: CallOptions,
): AsyncGenerator<SourceItem, void, undefined> {
  const onProblem = ({ error }: { readonly error: AppError }): never => {
    throw error;
  };
  const state = signatureState(archive, sets, options);
  let signed: SignatureEntry | undefined;
  try {
    const reader = new ArchiveReader(archive);
    for await (const archived of reader.entries(sets, { ...options, onProblem })) {
      const { value } = await state.next();
      signed = value ?? undefined;
      if (signed === undefined || compareIndex(signed.path, archived.path) !== 0) {
        throw differs(archived.path);
      }
      const isFile = archived.entry.type === 'file';
      if (isFile !== (signed.kind === 'signature')) throw differs(archived.path);
      yield itemOf(
        archived,
        isFile ? signed.tar.mtime : undefined,
        isFile ? await signed.read() : undefined,
      );
    }
    const { value } = await state.next();
    if (value !== undefined) throw differs(value.path);
  } finally {
    await state.return();
  }
}

function itemOf(
  archived: ArchivedEntry,
  signedTime: number | undefined,
  signature: Uint8Array | undefined,
): SourceItem {
  const { path, entry, linkGroup } = archived;
  // Where it is not known it is not the size that decides, but what comes.
  const size =
    archived.size ??
    (signature === undefined
      ? 0
      : Math.max(CONTENT_BLOCK, sizesOfSignature(signature, signature.length).most));
  return {
    path,
    entry: { ...entry, size, blocks: 0 },
    linkGroup,
    ...(signature === undefined ? {} : { signature }),
    isDoubtful: signedTime === 0 && entry.mtime.seconds > 0,
    open: () => new StreamedContent(archived.content()),
  };
}

function differs(path: Uint8Array): AppError {
  return new AppError(
    'repository/damaged',
    `Volumes and signatures of the archive disagree at ${quotePath(path)}`,
  );
}
