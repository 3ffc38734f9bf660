import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import type { Access } from '../access.ts';
import type { ListedPack } from '../index/index-list.ts';
import { listPacks } from '../index/pack-listing.ts';
import { listTombstones } from '../index/tombstone-list.ts';
import { listVerdicts } from '../index/verdict-list.ts';
import { packName } from '../objects/object-name.ts';
import {
  decodePackTable,
  decodeTableHead,
  visitTableBlobs,
  type PackTable,
} from '../packs/pack-table.ts';
import { readPackTail } from '../packs/pack-tail.ts';
import type { Catalogues } from './catalogue.ts';
import { isAsGood, provenanceOf } from './provenance.ts';

/** A victim by its own signed table (C5), and the used ids in it. */
export interface VerifiedVictim {
  readonly name: string;
  readonly size: number;
  readonly table: PackTable;
  /** In hexadecimal, each with the slot that its segment is under. */
  readonly live: ReadonlyMap<string, number>;
}

/** A pack by its own signed table. */
interface Copy {
  readonly pack: ListedPack;
  readonly table: PackTable;
}

/**
 * C6: tombstones first, then packs. Gives for each victim the used ids that no other pack holds which exists, which no tombstone names, and whose copy is as good.
 * `own` tables only count: what an index object says is a hint where to look.
 */
export class SafeCopies {
  readonly #access: Access;
  readonly #catalogues: Catalogues;
  /** Packs whose own tables were read; a table never changes. */
  readonly #verified = new Map<string, Copy | undefined>();

  constructor(access: Access, catalogues: Catalogues) {
    this.#access = access;
    this.#catalogues = catalogues;
  }

  async unsafe(
    victims: readonly VerifiedVictim[],
    options: CallOptions = {},
  ): Promise<Map<VerifiedVictim, Set<string>>> {
    const wanted = new Set(victims.flatMap(({ live }) => [...live.keys()]));
    const candidates = this.#candidates(wanted);
    const verdicts = await listVerdicts(this.#access, options);
    const doomed = await listTombstones(this.#access, options);
    const existing = await this.#existing(
      [...candidates.keys()].filter((name) => !doomed.packs.has(name)),
      options,
    );
    const holders = new Map<string, { copy: Copy; slot: number }[]>();
    for (const name of existing.keys()) {
      const copy = await this.#verify(candidates.get(name)!, existing.get(name)!, options);
      if (copy === undefined) continue;
      for (const segment of copy.table.segments) {
        for (const { id } of segment.blobs) {
          const key = toHex(id);
          if (!wanted.has(key)) continue;
          const list = holders.get(key) ?? [];
          list.push({ copy, slot: segment.slot });
          holders.set(key, list);
        }
      }
    }
    const result = new Map<VerifiedVictim, Set<string>>();
    for (const victim of victims) {
      const unsafe = new Set<string>();
      for (const [id, slot] of victim.live) {
        const { signer } = provenanceOf(
          this.#access,
          { name: victim.name, head: victim.table },
          slot,
        );
        const isSafe = (holders.get(id) ?? []).some(
          ({ copy, slot: at }) =>
            copy.pack.name !== victim.name &&
            isAsGood(this.#access, verdicts, { pack: copy.pack, slot: at }, signer),
        );
        if (!isSafe) unsafe.add(id);
      }
      result.set(victim, unsafe);
    }
    return result;
  }

  /** Packs that are said to hold one of the ids. */
  #candidates(wanted: ReadonlySet<string>): Map<string, ListedPack> {
    const candidates = new Map<string, ListedPack>();
    if (wanted.size === 0) return candidates;
    for (const { packs } of this.#catalogues.all) {
      for (const pack of packs) {
        visitTableBlobs(pack.head, (bytes, offset) => {
          if (candidates.has(pack.name)) return;
          if (wanted.has(toHex(bytes.subarray(offset, offset + 32)))) {
            candidates.set(pack.name, pack);
          }
        });
      }
    }
    return candidates;
  }

  /** Which of these packs are there, and their sizes: by a listing, or by name where listings lag and would still show what is gone. */
  async #existing(names: readonly string[], options: CallOptions): Promise<Map<string, number>> {
    const { storage } = this.#access;
    if (storage.capabilities.listingLag === 0) {
      const listed = await listPacks(this.#access, options);
      return new Map(
        names.flatMap((name): [string, number][] => {
          const found = listed.get(name);
          return found === undefined ? [] : [[name, found.size]];
        }),
      );
    }
    const asked = mapPool(
      names,
      storage.capabilities.concurrency,
      async (name, call): Promise<[string, number][]> => {
        try {
          return [[name, (await storage.stat(packName(name), call)).size]];
        } catch (error) {
          if (hasCode(error, 'storage/not-found')) return [];
          throw error;
        }
      },
      options,
    );
    return new Map((await Array.fromAsync(asked)).flat());
  }

  async #verify(
    { name }: ListedPack,
    size: number,
    options: CallOptions,
  ): Promise<Copy | undefined> {
    if (this.#verified.has(name)) return this.#verified.get(name);
    const copy = await this.#readCopy(name, size, options);
    this.#verified.set(name, copy);
    return copy;
  }

  async #readCopy(name: string, size: number, options: CallOptions): Promise<Copy | undefined> {
    const { storage, verifying } = this.#access;
    try {
      const { table, record } = await readPackTail(storage, name, size, verifying, {
        ...options,
        withHead: true,
      });
      const head = decodeTableHead(record);
      const pack = { name, size, signer: toHex(table.signer), table: record, head };
      return { pack, table: decodePackTable(record) };
    } catch (error) {
      if (hasCode(error, 'storage/not-found', 'repository/damaged')) return undefined;
      throw error;
    }
  }
}
