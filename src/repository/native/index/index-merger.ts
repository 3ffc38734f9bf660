import { equalBytes, fromHex, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import type { Access } from '../access.ts';
import {
  decodeIndexObject,
  encodeIndexObject,
  splitIndex,
  type IndexedPack,
} from '../objects/index-object.ts';
import { objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import { decodeTableHead } from '../packs/pack-table.ts';
import { readPackTail } from '../packs/pack-tail.ts';
import { listPacks, waitForListing } from './pack-listing.ts';

/** Index objects below this size are worth merging … */
const SMALL = 1024 * 1024;
/** … when there are at least so many of them. */
const MANY = 8;

export interface IndexMergeOptions extends CallOptions {
  /** Packs that shall not be named any more. */
  readonly without?: ReadonlySet<string> | undefined;
  /** Merge small objects even if there are few. */
  readonly all?: boolean | undefined;
}

export interface IndexMerge {
  /** Objects that were merged, and those that took their place. */
  readonly replaced: readonly string[];
  readonly published: readonly string[];
}

interface ReadObject {
  readonly name: string;
  readonly size: number;
  readonly packs: readonly IndexedPack[];
}

/**
 * First half of merging (native.md, 14.3): reads index objects, *then* lists packs – the other order loses mentions of new packs – and publishes objects that say
 * the same of the packs that exist. What they replace still has to be deleted: `deleteIndexObjects`. Only owners and janitors may replace others' objects.
 */
export async function publishMergedIndex(
  access: Access,
  { without = new Set(), all = false, signal }: IndexMergeOptions = {},
): Promise<IndexMerge> {
  const { storage, signing } = access;
  const objects = await readObjects(access, { signal });
  const isSmall = ({ size }: ReadObject): boolean => size < SMALL;
  const mergeSmall = objects.filter(isSmall).length >= (all ? 2 : MANY);
  const inputs = objects.filter(
    (object) =>
      (mergeSmall && isSmall(object)) || object.packs.some(({ name }) => without.has(toHex(name))),
  );
  if (inputs.length === 0) return { replaced: [], published: [] };
  await waitForListing(access, { signal });
  const existing = await listPacks(access, { signal });
  const packs = new Map<string, IndexedPack>();
  for (const pack of inputs.flatMap((input) => input.packs)) {
    const name = toHex(pack.name);
    if (without.has(name) || !existing.has(name)) continue;
    const known = packs.get(name);
    if (known === undefined || isSame(known, pack)) packs.set(name, pack);
    else
      packs.set(
        name,
        (await ownTable(access, name, existing.get(name)!.size, { signal })) ?? known,
      );
  }
  const replaced = inputs.map(({ name }) => name);
  const published: string[] = [];
  for (const part of splitIndex({
    packs: [...packs.values()],
    supersedes: replaced.map((name) => name.slice(objectPrefixes.index.length)),
  })) {
    const { name, bytes } = encodeIndexObject(part, signing);
    await storage.put(name, bytes, { signal });
    published.push(name);
  }
  return { replaced, published };
}

/** Second half: the objects that were replaced. */
export async function deleteIndexObjects(
  { storage }: Access,
  names: readonly string[],
  options: CallOptions = {},
): Promise<void> {
  const deleted = mapPool(
    names,
    storage.capabilities.concurrency,
    (name, call) => storage.delete(name, call),
    options,
  );
  await Array.fromAsync(deleted);
}

/** Merges small index objects into few. Gives how many there were and how many took their place. */
export async function mergeIndex(
  access: Access,
  options: CallOptions = {},
): Promise<{ readonly merged: number; readonly into: number }> {
  const { replaced, published } = await publishMergedIndex(access, { ...options, all: true });
  await deleteIndexObjects(access, replaced, options);
  return { merged: replaced.length, into: published.length };
}

/** Objects that can be read, each with what its signer may say. Damaged ones stay as they are, for `check` to find. */
async function readObjects(access: Access, options: CallOptions): Promise<ReadObject[]> {
  const { storage, verifying } = access;
  const read = mapPool(
    storage.list(objectPrefixes.index, options),
    storage.capabilities.concurrency,
    async ({ name, size }, call): Promise<ReadObject | undefined> => {
      if (parseObjectName(name)?.type !== 'index') return undefined;
      try {
        const { value, signer } = decodeIndexObject(
          name,
          await storage.read(name, call),
          verifying,
        );
        const speaksForAll = signer.role === 'owner' || signer.role === 'janitor';
        const packs = value.packs.filter((pack) => {
          const own = signerOf(pack);
          return own !== undefined && (speaksForAll || own === signer.id);
        });
        return { name, size, packs };
      } catch (error) {
        if (hasCode(error, 'storage/not-found', 'repository/damaged')) return undefined;
        throw error;
      }
    },
    options,
  );
  return (await Array.fromAsync(read)).filter((object) => object !== undefined);
}

function signerOf({ table }: IndexedPack): string | undefined {
  try {
    return toHex(decodeTableHead(table).signer);
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

function isSame(left: IndexedPack, right: IndexedPack): boolean {
  return left.size === right.size && equalBytes(left.table, right.table);
}

/** Where two objects contradict each other, the pack itself decides. */
async function ownTable(
  access: Access,
  name: string,
  size: number,
  options: CallOptions,
): Promise<IndexedPack | undefined> {
  try {
    const { record } = await readPackTail(access.storage, name, size, access.verifying, options);
    return { name: fromHex(name), size, table: record };
  } catch (error) {
    if (hasCode(error, 'storage/not-found', 'repository/damaged')) return undefined;
    throw error;
  }
}
