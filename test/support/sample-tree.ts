import { utf8 } from '../../src/base/bytes.ts';
import { ByteWriter } from '../../src/codec/binary/byte-writer.ts';
import { blobType } from '../../src/repository/native/content/blob-id.ts';
import { writeContentItem } from '../../src/repository/native/content/content-list.ts';
import {
  encodeEntry,
  encodeTree,
  rootName,
  type TreeEntry,
} from '../../src/repository/native/content/tree.ts';
import type { BlobPacker } from '../../src/repository/native/packs/blob-packer.ts';
import type { MetaStore } from '../../src/repository/native/writer/meta-store.ts';

/** Files by path (`dir/name`), with their content. */
export type SampleFiles = Readonly<Record<string, string | Uint8Array>>;

/** Files are cut into parts of so many bytes, so that long content lists are cheap to make. */
const PART = 64 * 1024;

type Directory = Map<string, Directory | Uint8Array>;

/** Stores files and their directories, and gives the root's entry as a final keeps it. */
export function rootEntry(files: SampleFiles, data: BlobPacker, meta: MetaStore): Uint8Array {
  const root: Directory = new Map();
  for (const [path, content] of Object.entries(files)) {
    const parts = path.split('/');
    const name = parts.pop()!;
    let directory = root;
    for (const part of parts) {
      const next = directory.get(part) ?? new Map();
      if (next instanceof Uint8Array) throw new RangeError(`"${part}" is a file`);
      directory.set(part, next);
      directory = next;
    }
    directory.set(name, typeof content === 'string' ? utf8(content) : content);
  }
  return encodeEntry(store(rootName, root, data, meta));
}

function store(
  name: Uint8Array,
  node: Directory | Uint8Array,
  data: BlobPacker,
  meta: MetaStore,
): TreeEntry {
  const base = {
    name,
    uid: 0,
    gid: 0,
    user: undefined,
    group: undefined,
    mtime: { seconds: 1, nanoseconds: 2 },
    links: 1,
    linkTarget: undefined,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: [],
    fileFlags: 0,
    hardLink: undefined,
    torn: false,
  };
  if (node instanceof Uint8Array) {
    const list = new ByteWriter(64);
    for (let start = 0; start < node.length; start += PART) {
      const part = node.subarray(start, start + PART);
      writeContentItem(list, part.length, data.add(blobType.data, part));
    }
    const content = node.length === 0 ? undefined : meta.storeList(list.take()).reference;
    return { ...base, type: 'file', mode: 0o644, size: node.length, content, tree: undefined };
  }
  const entries = [...node]
    .map(([child, value]) => ({ bytes: utf8(child), value }))
    .toSorted((left, right) => Buffer.compare(left.bytes, right.bytes))
    .map((child) => encodeEntry(store(child.bytes, child.value, data, meta)));
  const tree = meta.storeTree(encodeTree(entries).take()).reference;
  return { ...base, type: 'directory', mode: 0o755, size: 0, content: undefined, tree };
}
