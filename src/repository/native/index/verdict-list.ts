import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { mapPool } from '../../../base/pool.ts';
import type { Access } from '../access.ts';
import { decodeAudit } from '../objects/audit.ts';
import { decodeOfAnybody } from '../objects/decode-of-anybody.ts';
import { objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import { tableHash } from '../packs/pack-table.ts';
import type { ListedPack } from './index-list.ts';

/** What audits say about packs (native.md, section 13). A verdict is about a pack with one certain table, so it stays true. */
export class Verdicts {
  readonly #good = new Set<string>();
  readonly #bad = new Set<string>();

  add(pack: string, table: string, good: boolean): void {
    (good ? this.#good : this.#bad).add(`${pack}:${table}`);
  }

  /** A pack that both somebody praised and somebody found bad is bad. */
  isBad(pack: ListedPack): boolean {
    return this.#bad.size > 0 && this.#bad.has(keyOf(pack));
  }

  isGood(pack: ListedPack): boolean {
    return this.#good.size > 0 && this.#good.has(keyOf(pack)) && !this.isBad(pack);
  }
}

/** Lists and reads all audits. One that cannot be read is an error: it might name a bad pack. */
export async function listVerdicts(access: Access, options: CallOptions = {}): Promise<Verdicts> {
  const { storage } = access;
  const verdicts = new Verdicts();
  const audits = mapPool(
    storage.list(objectPrefixes.audit, options),
    storage.capabilities.concurrency,
    async ({ name }, call) => {
      if (parseObjectName(name)?.type !== 'audit') return []; // Foreign.
      const bytes = await storage.read(name, call);
      return (await decodeOfAnybody(access, name, bytes, decodeAudit, call)).value.verdicts;
    },
    options,
  );
  for await (const audit of audits) {
    for (const { pack, table, good } of audit) verdicts.add(pack, table, good);
  }
  return verdicts;
}

function keyOf({ name, table }: ListedPack): string {
  return `${name}:${toHex(tableHash(table))}`;
}
