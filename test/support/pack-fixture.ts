import { toHex } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/random.ts';
import { MalformedError } from '../../src/codec/binary/byte-reader.ts';
import { signerFromSeed } from '../../src/codec/encryption/signature.ts';
import { keyPairFromSeed } from '../../src/codec/encryption/x-wing.ts';
import { BlobNamer, type BlobType } from '../../src/repository/native/content/blob-id.ts';
import { deriveKeyRing, requireKey } from '../../src/repository/native/keys/key-ring.ts';
import type { KnownSigner } from '../../src/repository/native/objects/signed-body.ts';
import type { Verifying } from '../../src/repository/native/objects/signed-object.ts';
import { BlobPacker } from '../../src/repository/native/packs/blob-packer.ts';
import { BlobTable } from '../../src/repository/native/index/blob-table.ts';
import type { FinishedPack, PackContext } from '../../src/repository/native/packs/pack-builder.ts';
import { blobsIn, layOut } from '../../src/repository/native/packs/pack-layout.ts';
import type { PackKind } from '../../src/repository/native/packs/pack-table.ts';
import { openPackTail } from '../../src/repository/native/packs/pack-tail.ts';
import { SegmentOpener } from '../../src/repository/native/packs/segment-opener.ts';

export const ring = deriveKeyRing(systemRandom(32), systemRandom(16));
export const hostSeed: Uint8Array = systemRandom(32);
const hostKey = signerFromSeed(hostSeed);
export const host: KnownSigner = {
  id: toHex(systemRandom(16)),
  publicKey: hostKey.publicKey,
  role: 'owner',
  state: 'active',
  revokedAfter: undefined,
};
export const verifying: Verifying = {
  keys: ring,
  findSigner: (id) => (id === host.id ? host : undefined),
};
const secrets = {
  data: keyPairFromSeed(requireKey(ring, 'dataSeed')).secret,
  meta: keyPairFromSeed(requireKey(ring, 'metaSeed')).secret,
};

/** What packs of tests are made with. */
export function packContext(change: Partial<PackContext> = {}): PackContext {
  return {
    repositoryId: ring.repositoryId,
    indexKey: ring.indexKey,
    dataPublic: ring.dataPublic,
    metaPublic: ring.metaPublic,
    signerId: Buffer.from(host.id, 'hex'),
    signer: hostKey,
    runId: systemRandom(16),
    target: 256 * 1024,
    compressionLevel: 1,
    verify: true,
    random: systemRandom,
    ...change,
  };
}

export interface OpenedBlob {
  readonly id: string;
  readonly type: BlobType;
  readonly raw: Uint8Array;
}

/** Opens a pack whole, as a restore does, and checks the id of every blob. Throws a `MalformedError`. */
export function openPack(bytes: Uint8Array, kind: PackKind): OpenedBlob[] {
  const { table, record, tableOffset } = openPackTail(bytes, verifying);
  const layout = layOut('', bytes, record);
  if (layout.end !== tableOffset) throw new MalformedError('Segments and table do not fit');
  if (table.kind !== kind) throw new MalformedError('Another kind of pack');
  const openers = layout.slots.map(
    (slot) => new SegmentOpener(secrets[kind], slot, kind, ring.repositoryId),
  );
  const namer = new BlobNamer(ring.idKey);
  const opened: OpenedBlob[] = [];
  for (const segment of layout.segments) {
    const stored = bytes.subarray(segment.offset, segment.offset + segment.storedLength);
    const raw = openers[segment.slot]!.open(segment, stored);
    for (const { blob, raw: part } of blobsIn(segment, raw)) {
      const id = toHex(blob.id);
      if (toHex(namer.nameOf(blob.type, part)) !== id) throw new MalformedError('Another blob');
      opened.push({ id, type: blob.type, raw: part });
    }
  }
  return opened;
}

/** A packer with a table of its own; its packs are collected, and copied when they are handed out. */
export function packerOf(
  kind: PackKind,
  context: PackContext = packContext(),
  table: BlobTable = BlobTable.allocate(0, 0),
  takeBuffer?: (size: number) => Uint8Array,
  onPack: (pack: FinishedPack) => void = () => undefined,
): { readonly packer: BlobPacker; readonly packs: FinishedPack[]; readonly table: BlobTable } {
  const packs: FinishedPack[] = [];
  const packer = new BlobPacker(
    context,
    kind,
    table,
    new BlobNamer(ring.idKey),
    (pack) => {
      packs.push({ ...pack, bytes: pack.bytes.slice() });
      onPack(pack);
    },
    takeBuffer,
  );
  return { packer, packs, table };
}
