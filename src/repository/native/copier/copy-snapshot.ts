import { fromHex, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { signerFromSeed } from '../../../codec/encryption/signature.ts';
import { packTargetOf, type Access } from '../access.ts';
import { BlobNamer } from '../content/blob-id.ts';
import { requireKey } from '../keys/key-ring.ts';
import type { Final, SnapshotOrigin } from '../objects/final.ts';
import { pendingName } from '../objects/object-name.ts';
import { encodePending } from '../objects/pending.ts';
import { BlobPacker } from '../packs/blob-packer.ts';
import { defaultCompressionLevel } from '../packs/default-compression.ts';
import type { PackContext } from '../packs/pack-builder.ts';
import type { BlobReader } from '../reader/blob-reader.ts';
import type { StoredSnapshot } from '../reader/snapshot-list.ts';
import { publishFinal, sealFinal } from '../writer/commit.ts';
import { MetaStore } from '../writer/meta-store.ts';
import { PackUploader } from '../writer/pack-uploader.ts';
import { removeLifeSigns } from '../writer/remove-life-signs.ts';
import { openRunTable, type KnownPack, type RunTable } from '../writer/run-table.ts';
import type { SealSequence } from '../writer/seal-sequence.ts';
import { ContentCopier } from './content-copier.ts';
import type { KnownCopies } from './known-copies.ts';
import { TreeCopier, type TreeCopierParts } from './tree-copier.ts';

/** How often packs may be lost to a collector before something else must be wrong. */
const MOST_ATTEMPTS = 20;
/** A pending record is renewed this often, in milliseconds. */
const RENEWAL = 6 * 60 * 60 * 1000;

export interface CopyParts extends Pick<TreeCopierParts, 'onFile' | 'onRead'> {
  /** Of the source; opened after its snapshots were listed. */
  readonly source: BlobReader;
  readonly known: KnownCopies;
  readonly sequence: SealSequence;
  readonly origin: SnapshotOrigin;
  /** The repository to copy from. */
  readonly from: Access;
  /** How many threads copy content. */
  readonly workers: number;
}

export interface CopiedSnapshot {
  readonly snapshotId: string;
  /** Bytes that the target grew by. */
  readonly stored: number;
}

/** Copies one snapshot, by the writer's protocol (W1 to W12): a run of its own, with a table of its own. */
export async function copySnapshot(
  target: Access,
  snapshot: StoredSnapshot,
  parts: CopyParts,
  { signal }: CallOptions = {},
): Promise<CopiedSnapshot> {
  const runId = toHex(target.random(16));
  const sign = new SignOfLife(target, runId);
  await sign.renew({ signal }); // W1
  const lost = new Set<string>();
  const voided: number[] = [];
  let stored = 0;
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    const run = await openRunTable(target, { without: lost, signal }); // W2
    const written = await store(target, runId, run, snapshot, parts, sign, { signal });
    stored += written.stored;
    for (;;) {
      const final = { ...written.final, id: toHex(target.random(16)) };
      const published = await publishFinal(target, final, { signal }); // W6
      const result = await sealFinal(target, published, written.relied, parts.sequence, voided, {
        signal,
      });
      if ('snapshotId' in result) {
        await sign.end(); // W12
        return { snapshotId: result.snapshotId, stored };
      }
      if ('lost' in result) {
        for (const { name } of result.lost) lost.add(name); // W9
        break;
      }
      // W11: the final was taken away; the same tree gets a new one.
      voided.push(result.voided);
    }
  }
  throw new AppError(
    'repository/locked',
    `Copying snapshot ${snapshot.final.id} was overtaken by a prune ${MOST_ATTEMPTS} times`,
    { hint: 'Try again when no prune runs' },
  );
}

interface Written {
  readonly final: Final;
  readonly relied: readonly KnownPack[];
  readonly stored: number;
}

/** W4 and W5. */
async function store(
  target: Access,
  runId: string,
  run: RunTable,
  { final, root }: StoredSnapshot,
  parts: CopyParts,
  sign: SignOfLife,
  { signal = new AbortController().signal }: CallOptions,
): Promise<Written> {
  const { keys } = target;
  const shared = {
    repositoryId: keys.repositoryId,
    indexKey: keys.indexKey,
    dataPublic: keys.dataPublic,
    metaPublic: keys.metaPublic,
    signerId: fromHex(target.hostId),
    runId: fromHex(runId),
    target: packTargetOf(target),
    compressionLevel: defaultCompressionLevel,
    verify: true,
  };
  const context: PackContext = {
    ...shared,
    signer: signerFromSeed(target.hostSeed),
    random: target.random,
  };
  const uploader = new PackUploader(target, 2 * parts.workers + 2, signal);
  const namer = new BlobNamer(keys.idKey);
  const packerOf = (kind: 'data' | 'meta'): BlobPacker =>
    new BlobPacker(context, kind, run.table, namer, (pack) => uploader.add(pack));
  const [data, meta] = [packerOf('data'), packerOf('meta')];
  const ready = (): Promise<void> | undefined =>
    sign.isDue ? sign.renew({ signal }) : uploader.ready();
  const copier = new TreeCopier({
    ...parts,
    table: run.table,
    data,
    meta: new MetaStore(meta, target.chunker, requireKey(keys, 'chunkKey')),
    ready,
  });
  try {
    {
      await using content = new ContentCopier({
        source: parts.from,
        blobs: parts.source,
        known: parts.known,
        uploader,
        workers: parts.workers,
        sink: {
          table: run.table.memory,
          context: { ...shared, signerSeed: target.hostSeed },
          idKey: keys.idKey,
        },
        table: run.table,
        ready,
        onRead: parts.onRead,
      });
      await content.copyTree(root.tree!, { signal });
    }
    const copiedRoot = await copier.copyRoot(root, { signal });
    data.flush();
    meta.flush();
    await uploader.finish();
    return {
      final: { ...final, root: copiedRoot, runId, origin: parts.origin },
      relied: reliedPacks(run, uploader),
      stored: uploader.stored,
    };
  } catch (error) {
    await uploader.settle();
    throw error;
  }
}

function reliedPacks({ table, packs }: RunTable, uploader: PackUploader): KnownPack[] {
  const relied: KnownPack[] = [];
  for (let number = 0; number < table.packCount; number++) {
    if (!table.isRelied(number)) continue;
    const pack = packs[number] ?? uploader.packs.get(number);
    if (pack === undefined) {
      throw new AppError('internal', `Pack ${number} is relied on but was never stored`);
    }
    relied.push(pack);
  }
  return relied;
}

/** The pending records of a run. */
class SignOfLife {
  readonly #access: Access;
  readonly #runId: string;
  #count = 0;
  #last = -Infinity;

  constructor(access: Access, runId: string) {
    this.#access = access;
    this.#runId = runId;
  }

  get isDue(): boolean {
    return this.#access.clock.monotonic() - this.#last > RENEWAL;
  }

  async renew(options: CallOptions): Promise<void> {
    const { clock, hostId, signing, storage } = this.#access;
    this.#last = clock.monotonic();
    const { name, bytes } = encodePending(
      { runId: this.#runId, number: this.#count++, hostId, time: clock.now() },
      signing,
    );
    await storage.put(name, bytes, options);
  }

  async end(): Promise<void> {
    const names = Array.from({ length: this.#count }, (_, number) =>
      pendingName(this.#runId, number),
    );
    await removeLifeSigns(this.#access, names);
  }
}
