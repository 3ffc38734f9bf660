import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import type { Access } from '../access.ts';
import { decodeIndexObject } from '../objects/index-object.ts';
import { objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import { decodeTableHead, type TableHead } from '../packs/pack-table.ts';

/** A pack that the index names. */
export interface ListedPack {
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly name: string;
  readonly size: number;
  readonly signer: string;
  /** Its table without extensions, and the head of it. */
  readonly table: Uint8Array;
  readonly head: TableHead;
}

/** What all index objects say together. It is a hint: packs may be gone, and others may exist. */
export interface IndexList {
  /** Names of the index objects that count, and of those that another one replaces. */
  readonly objects: readonly string[];
  readonly replaced: readonly string[];
  readonly packs: ReadonlyMap<string, ListedPack>;
  /** Index objects that could not be read: their packs are missing here. */
  readonly damaged: readonly AppError[];
}

/**
 * Lists and reads all index objects (native.md, section 9). A pack counts if the object's signer also signed the pack, or is an owner or janitor. Damaged
 * objects are left out and reported: what they said is found again in the packs.
 */
export async function loadIndex(access: Access, options: CallOptions = {}): Promise<IndexList> {
  const { storage, verifying } = access;
  const names = (await Array.fromAsync(storage.list(objectPrefixes.index, options)))
    .map(({ name }) => name)
    .filter((name) => parseObjectName(name)?.type === 'index');
  const damaged: AppError[] = [];
  const read = mapPool(
    names.toSorted(),
    storage.capabilities.concurrency,
    async (name, call) => {
      try {
        const bytes = await storage.read(name, call);
        const { value, signer } = decodeIndexObject(name, bytes, verifying);
        const packs = value.packs.map((pack) => ({ ...pack, head: tableHeadOf(name, pack.table) }));
        return { name, signer, packs, supersedes: value.supersedes };
      } catch (error) {
        // Somebody merged it away between the listing and now: its content is in another object.
        if (hasCode(error, 'storage/not-found')) return undefined;
        if (!hasCode(error, 'repository/damaged')) throw error;
        damaged.push(error);
        return undefined;
      }
    },
    options,
  );
  const objects = (await Array.fromAsync(read)).filter((object) => object !== undefined);
  const signers = new Map(objects.map(({ name, signer }) => [name, signer]));
  const replaced = new Set<string>();
  for (const { supersedes, signer } of objects) {
    for (const hash of supersedes) {
      const name = objectPrefixes.index + hash;
      const other = signers.get(name);
      if (other !== undefined && (other.id === signer.id || mayIndexAll(signer.role))) {
        replaced.add(name);
      }
    }
  }
  const packs = new Map<string, ListedPack>();
  for (const object of objects) {
    if (replaced.has(object.name)) continue;
    for (const { name: hash, size, table, head } of object.packs) {
      const signer = toHex(head.signer);
      if (signer !== object.signer.id && !mayIndexAll(object.signer.role)) continue;
      const name = toHex(hash);
      packs.set(name, { name, size, signer, table, head });
    }
  }
  const counted = objects.map(({ name }) => name).filter((name) => !replaced.has(name));
  return { objects: counted, replaced: [...replaced], packs, damaged };
}

function mayIndexAll(role: string): boolean {
  return role === 'owner' || role === 'janitor';
}

function tableHeadOf(object: string, table: Uint8Array): TableHead {
  try {
    return decodeTableHead(table);
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw new AppError('repository/damaged', `"${object}" holds a table that cannot be read`, {
      cause,
    });
  }
}
