import { MalformedError } from '../../src/codec/binary/byte-reader.ts';
import { toHex } from '../../src/base/bytes.ts';
import type { Access } from '../../src/repository/native/access.ts';
import {
  readContentList,
  type ContentReference,
} from '../../src/repository/native/content/content-list.ts';
import { decodeEntry, decodeTree } from '../../src/repository/native/content/tree.ts';
import { keyPairFromSeed } from '../../src/codec/encryption/x-wing.ts';
import { readFinals } from '../../src/repository/native/collector/finals.ts';
import { packName, parseObjectName } from '../../src/repository/native/objects/object-name.ts';
import { blobsIn, layOut } from '../../src/repository/native/packs/pack-layout.ts';
import { openPackTail } from '../../src/repository/native/packs/pack-tail.ts';
import { SegmentOpener } from '../../src/repository/native/packs/segment-opener.ts';
import { BlobNamer } from '../../src/repository/native/content/blob-id.ts';

/** Every blob that some pack of the storage really holds, by id: read whole from the packs, without the index. */
export async function allBlobs(access: Access): Promise<Map<string, Uint8Array>> {
  const { storage, keys, verifying } = access;
  const secrets = {
    data: keyPairFromSeed(keys.dataSeed!).secret,
    meta: keyPairFromSeed(keys.metaSeed!).secret,
  };
  const namer = new BlobNamer(keys.idKey);
  const blobs = new Map<string, Uint8Array>();
  for await (const { name } of storage.list('packs/')) {
    const parsed = parseObjectName(name);
    if (parsed?.type !== 'pack') continue;
    const bytes = await storage.read(packName(parsed.hash));
    const tail = openPackTail(bytes, verifying);
    const layout = layOut(parsed.hash, bytes, tail.record);
    const openers = layout.slots.map(
      (slot) =>
        new SegmentOpener(secrets[tail.table.kind], slot, tail.table.kind, keys.repositoryId),
    );
    for (const segment of layout.segments) {
      const stored = bytes.subarray(segment.offset, segment.offset + segment.storedLength);
      let opened: Uint8Array;
      try {
        opened = openers[segment.slot]!.open(segment, stored);
      } catch (error) {
        if (error instanceof MalformedError) continue; // Damaged on purpose.
        throw error;
      }
      for (const { blob, raw } of blobsIn(segment, opened)) {
        if (toHex(namer.nameOf(blob.type, raw)) === toHex(blob.id)) {
          blobs.set(toHex(blob.id), raw.slice());
        }
      }
    }
  }
  return blobs;
}

/** The files of a snapshot by path; texts where the content is printable. Throws if anything is missing. */
export async function snapshotFiles(
  access: Access,
  snapshotId: string,
): Promise<Map<string, string | Uint8Array>> {
  const blobs = await allBlobs(access);
  const finals = await readFinals(access, new Set());
  const found = finals.find(({ final }) => final.id === snapshotId);
  if (found === undefined) throw new Error(`No snapshot ${snapshotId}`);
  const join = ({ depth, list }: ContentReference): Uint8Array => {
    const parts = readContentList(list).map(({ id, length }) => {
      if (id === undefined) return new Uint8Array(length);
      const blob = blobs.get(toHex(id));
      if (blob === undefined) throw new Error(`Blob ${toHex(id)} is gone`);
      return blob;
    });
    const joined = Buffer.concat(parts);
    return depth === 0 ? joined : join({ depth: depth - 1, list: joined });
  };
  const files = new Map<string, string | Uint8Array>();
  const visit = (prefix: string, tree: ContentReference): void => {
    for (const entry of decodeTree(join(tree))) {
      const path = prefix + Buffer.from(entry.name).toString();
      if (entry.tree !== undefined) visit(`${path}/`, entry.tree);
      else {
        const content = entry.content === undefined ? new Uint8Array() : join(entry.content);
        const text = Buffer.from(content).toString();
        files.set(path, content.length < 1000 ? text : new Uint8Array(content));
      }
    }
  };
  visit('', decodeEntry(found.final.root).tree!);
  return files;
}
