import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode, messageOf } from '../../../base/errors.ts';
import type { Storage, StorageCapabilities } from '../../storage.ts';
import { namedStore } from './named-store.ts';

/** One of the stores that a `multi:` storage is made of. */
export interface Store {
  readonly storage: Storage;
  /** Objects whose names start so belong here. */
  readonly prefixes: readonly string[];
}

/** A prefix under which nothing is ever stored: listing it only asks whether the store is there. */
const nothing = 'holdfast-is-there/';

const probe = 'holdfast-new-store';

/** The stores of a `multi:` storage: which one a name belongs to, what all can do, and whether all are there. */
export class StoreList {
  /** Their failures name them. */
  readonly all: readonly Store[];

  constructor(all: readonly Store[]) {
    this.all = all.map((store) => ({ ...store, storage: namedStore(store.storage) }));
  }

  /** Where an object of this name is written: the stores with a prefix that it starts with, or all. */
  ownersOf(name: string): readonly Store[] {
    const owners = this.all.filter(({ prefixes }) =>
      prefixes.some((prefix) => name.startsWith(prefix)),
    );
    return owners.length > 0 ? owners : this.all;
  }

  /** Where it is looked for: first where it would be written. */
  inReadingOrder(name: string): readonly Store[] {
    const owners = this.ownersOf(name);
    return [...owners, ...this.all.filter((store) => !owners.includes(store))];
  }

  /** What the weakest of them can do. */
  capabilities(): StorageCapabilities {
    const each = this.all.map(({ storage }) => storage.capabilities);
    const lags = each.map(({ listingLag }) => listingLag ?? Infinity);
    const sizes = each.map(({ maxObjectSize }) => maxObjectSize ?? Infinity);
    const lag = Math.max(...lags);
    const size = Math.min(...sizes);
    return {
      atomicReplace: each.every(({ atomicReplace }) => atomicReplace),
      // That none of them has the name is found by looking.
      conditionalPut: false,
      listingLag: lag === Infinity ? undefined : lag,
      modifiedTimes: each.every(({ modifiedTimes }) => modifiedTimes),
      ...(size !== Infinity && { maxObjectSize: size }),
      concurrency: Math.min(...each.map(({ concurrency }) => concurrency)),
    };
  }

  /** True when none of them exists yet; rejects when one does not and another does, since that one has been lost or mistyped. */
  async areNew(options: CallOptions): Promise<boolean> {
    const missing: Store[] = [];
    for (const store of this.all) {
      try {
        for await (const _ of store.storage.list(nothing, options)) break;
      } catch (error) {
        if (!hasCode(error, 'storage/not-found')) throw error;
        missing.push(store);
      }
    }
    const [first] = missing;
    if (first === undefined) return false;
    if (missing.length === this.all.length) return true;
    throw goneStore(first);
  }

  /** Brings new stores into being, so that from now on one that is not there is one that has been lost. */
  async make(options: CallOptions): Promise<void> {
    for (const { storage } of this.all) {
      await storage.put(probe, new Uint8Array(), options);
      await storage.delete(probe, options);
    }
  }
}

/** A store that is not there while others are. Never `storage/not-found`, which means that nothing is there at all. */
export function goneStore({ storage }: Store, cause?: unknown): AppError {
  return new AppError(
    'storage/no-container',
    `The store "${storage.location}" is not there${cause === undefined ? '' : `: ${messageOf(cause)}`}`,
    {
      hint: 'See whether its disk or share is mounted; if it is a new one, make its directory first',
      ...(cause !== undefined && { cause }),
    },
  );
}
