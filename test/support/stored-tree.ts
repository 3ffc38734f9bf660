import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

import type { Access } from '../../src/repository/native/access.ts';
import type { TreeEntry } from '../../src/repository/native/content/tree.ts';
import { BlobReader } from '../../src/repository/native/reader/blob-reader.ts';
import { readContent } from '../../src/repository/native/reader/content-reader.ts';
import { listSnapshots } from '../../src/repository/native/reader/snapshot-list.ts';
import { walkTree } from '../../src/repository/native/reader/tree-reader.ts';

/** Path below the root → what is there: type, permissions, time, and the content's hash or link target. */
export type TreeFacts = Readonly<Record<string, string>>;

/** What is in a directory of this machine. */
export function factsOnDisk(root: string): TreeFacts {
  const facts: Record<string, string> = {};
  const visit = (path: string, below: string): void => {
    const stats = lstatSync(path, { bigint: true });
    const common = `${(Number(stats.mode) & 0o7777).toString(8)} ${stats.mtimeNs}`;
    if (stats.isDirectory()) {
      facts[below] = `directory ${common}`;
      for (const name of readdirSync(path)) visit(`${path}/${name}`, `${below}/${name}`);
    } else if (stats.isSymbolicLink()) {
      facts[below] = `symlink ${common} ${readlinkSync(path)}`;
    } else {
      facts[below] = `file ${common} ${sha256(readFileSync(path))}`;
    }
  };
  visit(root, '');
  return facts;
}

export interface FactOptions {
  readonly sealed?: boolean;
  /** Hashes of content that was read before, by reference: the same reference is the same blobs. */
  readonly known?: Map<string, string>;
}

/** Reads a snapshot whole, every byte verified. */
export async function factsInSnapshot(
  access: Access,
  snapshotId: string,
  { sealed = true, known }: FactOptions = {},
): Promise<TreeFacts> {
  const { snapshots } = await listSnapshots(access);
  const stored = snapshots.find(({ final }) => final.id === snapshotId);
  if (stored === undefined || (stored.seal !== undefined) !== sealed) {
    throw new Error(`No ${sealed ? 'complete' : 'unsealed'} snapshot ${snapshotId}`);
  }
  const blobs = await BlobReader.open(access);
  const facts: Record<string, string> = {};
  for await (const { path, entry } of walkTree(blobs, stored.root)) {
    const below = path.length === 0 ? '' : `/${Buffer.from(path).toString()}`;
    const { seconds, nanoseconds } = entry.mtime;
    const time = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
    const common = `${entry.type} ${entry.mode.toString(8)} ${time}`;
    if (entry.type === 'file') {
      const key = `${entry.size} ${entry.content?.depth} ${Buffer.from(entry.content?.list ?? []).toString('hex')}`;
      const digest = known?.get(key) ?? (await hashOf(blobs, entry));
      known?.set(key, digest);
      facts[below] = `${common} ${digest}`;
    } else {
      const target =
        entry.linkTarget === undefined ? '' : ` ${Buffer.from(entry.linkTarget).toString()}`;
      facts[below] = common + target;
    }
  }
  return facts;
}

/** The ids of all complete snapshots, oldest first. Throws if the listing found anything wrong. */
export async function completeSnapshots(access: Access): Promise<string[]> {
  const { snapshots, findings } = await listSnapshots(access);
  const wrong = findings.filter(({ severity }) => severity === 'error');
  if (wrong.length > 0) throw new Error(wrong.map(({ message }) => message).join('\n'));
  return snapshots.filter(({ seal }) => seal !== undefined).map(({ final }) => final.id);
}

async function hashOf(blobs: BlobReader, entry: TreeEntry): Promise<string> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of readContent(blobs, entry)) {
    hash.update(piece);
    size += piece.length;
  }
  if (size !== entry.size) throw new Error(`Content of ${size} bytes, not ${entry.size}`);
  return hash.digest('hex');
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Throws, and tells only what differs. */
export function assertSameTree(found: TreeFacts, expected: TreeFacts, where = ''): void {
  const paths = new Set([...Object.keys(found), ...Object.keys(expected)]);
  const differences = [...paths].filter((path) => found[path] !== expected[path]);
  if (differences.length === 0) return;
  const lines = differences
    .slice(0, 5)
    .map((path) => `"${path}": ${found[path] ?? 'missing'} instead of ${expected[path] ?? 'none'}`);
  throw new Error(`${where}: ${differences.length} paths differ\n${lines.join('\n')}`);
}
