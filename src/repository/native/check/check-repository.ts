import { counted } from '../../../base/counted.ts';
import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { type AppError, hasCode, messageOf } from '../../../base/errors.ts';
import type { Portion } from '../../../base/size.ts';
import { pastCopies, type Access } from '../access.ts';
import {
  Catalogues,
  loadCatalogue,
  type Catalogue,
  type CataloguePack,
} from '../collector/catalogue.ts';
import { LiveBlobs } from '../collector/live-blobs.ts';
import { finalName, objectPrefixes, packName } from '../objects/object-name.ts';
import { unknownSignerOf } from '../objects/signed-object.ts';
import type { ListedPack } from '../index/index-list.ts';
import { listVerdicts, Verdicts } from '../index/verdict-list.ts';
import { tableHash, visitTableBlobs } from '../packs/pack-table.ts';
import { listSnapshots, type SnapshotList } from '../reader/snapshot-list.ts';
import { DamageFinder } from './affected-snapshots.ts';
import { checkRecords } from './check-records.ts';
import type { AffectedSnapshot, CheckResult, DamagedPack } from './check-result.ts';
import { damagedIndexObjects, objectOf } from './damaged-index.ts';
import { FindingList } from './finding-list.ts';
import { judgeRecords } from './judge-records.ts';
import { checkTails } from './check-tails.ts';
import { packsOf, readPacks } from './read-packs.ts';

export interface CheckOptions extends CallOptions {
  /** How much content is read; undefined: none. */
  readonly readData?: Portion | 'all' | undefined;
  /** The largest sequence number this machine ever saw, by host. */
  readonly remembered?: ReadonlyMap<string, number> | undefined;
  readonly workers?: number | undefined;
  /** Packs that an earlier check found damaged: they are read whole in any case. */
  readonly suspects?: ReadonlySet<string> | undefined;
  onPhase?(phase: string): void;
  /** How much content will be read. */
  onTotal?(packs: number, bytes: number): void;
  onPack?(bytes: number): void;
}

/**
 * Looks for damage: every record decodes and is signed; every snapshot's trees can be read; everything they name is in the index and in a pack that exists with
 * the recorded size; index and packs agree; every slot opens. With `readData`, packs are read whole and every blob's id is computed again.
 *
 * Everything is read from the storage, whatever copies this machine keeps: only certificates that are damaged there are taken from a copy, so that what their
 * hosts signed can be checked all the same.
 *
 * Changes nothing. Throws only what the storage throws: all damage is in the result.
 */
export async function checkRepository(
  access: Access,
  options: CheckOptions = {},
): Promise<CheckResult> {
  return new Check(access, options).run();
}

class Check {
  readonly #access: Access;
  /** The access with the copies that this machine keeps. */
  readonly #copying: Access;
  readonly #options: CheckOptions;
  readonly #call: CallOptions;
  readonly #findings = new FindingList();
  /** With what was found wrong with each. */
  readonly #damagedPacks = new Map<string, DamagedPack & { readonly problems: string[] }>();
  /** Of hosts without a valid certificate: how many objects they signed. */
  readonly #unverified = new Map<string, number>();
  /** Blobs, in hexadecimal, of which at least one copy is bad, with the packs whose copy it is. */
  readonly #badCopies = new Map<string, Set<string>>();
  readonly #mistaken: CataloguePack[] = [];
  #packsRead = 0;
  #bytesRead = 0;

  constructor(access: Access, options: CheckOptions) {
    this.#access = pastCopies(access);
    this.#copying = access;
    this.#options = options;
    this.#call = { signal: options.signal };
  }

  async run(): Promise<CheckResult> {
    this.#phase('reading records');
    await this.#access.refreshSigners(this.#call);
    const records = await checkRecords(this.#access, this.#call);
    this.#findings.take(records.findings);
    const { remembered, readData } = this.#options;
    // Snapshots first, the index after them: the order of every reader.
    const list = await listSnapshots(this.#access, { ...this.#call, remembered });
    this.#phase('reading the index');
    const verdicts = await this.#verdicts();
    const catalogue = await loadCatalogue(this.#access, { ...this.#call, verdicts });
    this.#takeCatalogue(catalogue);
    const unreadable = new Map<string, unknown>();
    const live = new LiveBlobs(this.#access, new Catalogues(this.#access, catalogue), unreadable);
    // Reading packs keeps the threads busy, walking trees this one: each leaves the other room.
    await bothOf(
      this.#call,
      (call) => this.#checkPacks(catalogue, call),
      (call) => live.markRoots(rootsOf(list), call),
    );
    this.#phase('checking snapshots');
    const { lost, affected } = await this.#checkContent(catalogue, list, live, unreadable);
    this.#takeVanished(catalogue, lost.size);
    const isContentRead = readData === 'all';
    const damage = { records, list, unverified: this.#unverified, isContentRead };
    const judged = await judgeRecords(this.#copying, damage, this.#call);
    this.#judgePacks(catalogue, lost);
    const { certificates, copies, needless, settingsNumber, missing } = judged;
    const evidence = {
      unindexed: catalogue.packs.filter(
        ({ indexed, name }) => !indexed && !this.#damagedPacks.has(name),
      ),
      mistaken: this.#mistaken,
      vanished: catalogue.vanished.map(({ name }) => name),
      damagedIndex: damagedIndexObjects(catalogue.index.damaged),
      damagedPacks: [...this.#damagedPacks.values()].filter(({ listed }) => {
        return listed !== undefined && !verdicts.isBad(listed);
      }),
      certificates,
      copies,
      needless,
      settingsNumber,
      missing,
      returned: list.findings.flatMap(({ kind, object }) =>
        kind === 'returned' && object !== undefined ? [object] : [],
      ),
    };
    const findings = [...judged.findings, ...this.#findings.all];
    return {
      findings,
      affected,
      unreadable: list.unreadable.filter((name) => name.startsWith(objectPrefixes.final)).length,
      gone: list.findings.reduce((sum, finding) => sum + (finding.missing ?? 0), 0),
      snapshots: list.snapshots.length,
      packs: catalogue.packs.length + catalogue.unreadable.size,
      damagedPacks: [...this.#damagedPacks.keys()],
      packsRead: this.#packsRead,
      bytesRead: this.#bytesRead,
      damaged: findings.some(({ severity }) => severity === 'error'),
      evidence,
    };
  }

  /** A damaged audit was reported already; without it nothing is known to be bad. */
  async #verdicts(): Promise<Verdicts> {
    try {
      return await listVerdicts(this.#access, this.#call);
    } catch (error) {
      if (!hasCode(error, 'repository/damaged')) throw error;
      return new Verdicts();
    }
  }

  #takeCatalogue({ index, unreadable, packs, verdicts }: Catalogue): void {
    for (const error of index.damaged) {
      if (!this.#isUnverified(error))
        this.#findings.add('error', objectOf(error), error.message, true);
    }
    for (const [name, { error, listed }] of unreadable) {
      if (this.#isUnverified(error)) continue;
      if (error.code === 'repository/unsupported') {
        this.#findings.add('error', packName(name), error.message, false);
        continue;
      }
      this.#addDamagedPack({ name, listed, ownTable: undefined }, [error.message]);
      if (listed !== undefined) this.#condemn(name, listed.head);
    }
    const unindexed = packs.filter(({ indexed }) => !indexed);
    if (unindexed.length > 0) {
      this.#findings.add(
        'warning',
        packName(unindexed[0]!.name),
        `${counted(unindexed.length, 'pack is', 'packs are')} not in the index: an interrupted backup left them, or an index object was lost`,
        true,
      );
    }
    for (const pack of packs) {
      if (verdicts.isBad(pack)) {
        const text = `"${packName(pack.name)}" was found bad before; nothing new relies on it`;
        this.#addDamagedPack({ name: pack.name, listed: pack, ownTable: undefined }, [text]);
      }
    }
  }

  /** Index objects that name packs which are gone lie, but that only matters if something is missing. */
  #takeVanished({ vanished }: Catalogue, missing: number): void {
    if (vanished.length === 0) return;
    const severity = missing > 0 ? 'error' : 'warning';
    for (const { name } of vanished.slice(0, 100)) {
      const object = packName(name);
      this.#findings.add(severity, object, `"${object}" is gone, and the index names it`, true);
    }
    if (vanished.length > 100) {
      this.#findings.add(
        severity,
        undefined,
        `${counted(vanished.length, 'pack is', 'packs are')} gone that the index names`,
        true,
      );
    }
  }

  async #checkPacks(catalogue: Catalogue, call: CallOptions): Promise<void> {
    const { readData } = this.#options;
    const drawn =
      readData === undefined ? [] : packsOf(catalogue.packs, readData, this.#access.random);
    const isRead = new Set([...drawn, ...this.#suspects(catalogue)]);
    const whole = [...isRead];
    this.#phase('comparing packs with the index');
    const rest = catalogue.packs.filter((pack) => !isRead.has(pack));
    for (const problem of await checkTails(this.#access, rest, call)) {
      const { pack, message, ownTable, isIndexWrong, unknownSigner } = problem;
      if (unknownSigner !== undefined) {
        this.#addUnverified(unknownSigner);
        continue;
      }
      if (isIndexWrong) {
        this.#findings.add('error', packName(pack.name), message, true);
        this.#mistaken.push(pack);
        continue;
      }
      this.#addDamagedPack({ name: pack.name, listed: pack, ownTable }, [message]);
      this.#condemn(pack.name, pack.head);
    }
    if (whole.length === 0) return;
    this.#phase('reading content');
    const bytes = whole.reduce((sum, { size }) => sum + size, 0);
    this.#options.onTotal?.(whole.length, bytes);
    for await (const { pack, examination } of readPacks(this.#access, whole, {
      ...call,
      ...(this.#options.workers !== undefined && { workers: this.#options.workers }),
    })) {
      this.#packsRead++;
      this.#bytesRead += pack.size;
      this.#options.onPack?.(pack.size);
      if (examination === undefined) continue;
      const object = packName(pack.name);
      const { problems, badBlobs, tableHash: ownTable, unknownSigner } = examination;
      if (unknownSigner !== undefined) {
        this.#addUnverified(unknownSigner);
        continue;
      }
      const isMistaken =
        pack.indexed && ownTable !== undefined && ownTable !== toHex(tableHash(pack.table));
      if (isMistaken) {
        this.#mistaken.push(pack);
        this.#findings.add(
          'error',
          object,
          `The index says something else of "${object}" than the pack itself`,
          true,
        );
      }
      if (problems.length === 0) continue;
      const told = problems.slice(0, 10).map((problem) => `"${object}" is damaged: ${problem}`);
      this.#addDamagedPack({ name: pack.name, listed: pack, ownTable }, told);
      if (ownTable === undefined) this.#condemn(pack.name, pack.head);
      for (const id of badBlobs) this.#addBadCopy(id, pack.name);
    }
  }

  /** Packs that are read whole in any case: what was found damaged is not sound because nobody looks. */
  #suspects({ packs, verdicts, table }: Catalogue): CataloguePack[] {
    const { suspects } = this.#options;
    return packs.filter(
      (pack, number) =>
        suspects?.has(pack.name) === true ||
        (verdicts.isBad(pack) &&
          holds(pack, (id, offset) => table.find(id, offset)?.pack === number)),
    );
  }

  async #checkContent(
    catalogue: Catalogue,
    list: SnapshotList,
    live: LiveBlobs,
    unreadable: ReadonlyMap<string, unknown>,
  ): Promise<{ lost: ReadonlySet<string>; affected: AffectedSnapshot[] }> {
    for (const pack of catalogue.packs) {
      const object = packName(pack.name);
      const error = live.blobs.problems.get(object);
      if (error === undefined || this.#damagedPacks.has(pack.name)) continue;
      if (this.#findings.all.some((finding) => finding.object === object)) continue;
      if (error.code === 'repository/unsupported') {
        this.#findings.add('error', object, error.message, false);
      } else {
        const damaged = { name: pack.name, listed: pack, ownTable: undefined };
        this.#addDamagedPack(damaged, [error.message]);
      }
    }
    for (const [id, error] of unreadable) {
      this.#findings.add(
        'error',
        undefined,
        `The directory or list ${id} cannot be read: ${messageOf(error)}`,
        false,
      );
    }
    const lost = new Set<string>([...live.missing, ...unreadable.keys()]);
    const held = this.#soundCopies(catalogue);
    for (const id of this.#badCopies.keys()) {
      if (!held.has(id) && live.isLive(Buffer.from(id, 'hex'))) lost.add(id);
    }
    if (lost.size === 0) return { lost, affected: [] };
    this.#phase('finding out which files are affected');
    const finder = new DamageFinder(live.blobs, (id) => lost.has(toHex(id)));
    const affected = await finder.affected(list.snapshots, this.#call);
    for (const { id, count } of affected) {
      this.#findings.add(
        'error',
        finalName(id),
        `Snapshot ${id} has lost content of ${counted(count, 'entry')}; "holdfast forget ${id}" gives it up`,
        false,
      );
    }
    if (live.missing.size > 0) {
      this.#findings.add(
        'error',
        undefined,
        `${counted(live.missing.size, 'blob of files is', 'blobs of files are')} in no pack`,
        false,
      );
    }
    return { lost, affected };
  }

  /** A pack that is known to be bad does no harm any more once everything that snapshots need of it lies elsewhere as well. */
  #judgePacks({ verdicts, packs, table }: Catalogue, lost: ReadonlySet<string>): void {
    const numbers = new Map(packs.map(({ name }, number) => [name, number]));
    const isLost = (id: Uint8Array, offset: number): boolean =>
      lost.size > 0 && lost.has(toHex(id.subarray(offset, offset + 32)));
    for (const { name, listed, problems } of this.#damagedPacks.values()) {
      const object = packName(name);
      const isKnown = listed === undefined || verdicts.isBad(listed);
      const hasLost = listed === undefined ? lost.size > 0 : holds(listed, isLost);
      const isUsed = (id: Uint8Array, offset: number): boolean => {
        const found = table.find(id, offset);
        return found?.used === true && found.pack === numbers.get(name);
      };
      const rest =
        listed !== undefined && holds(listed, isUsed)
          ? 'what snapshots need of it is intact, and the next backup that has it stores it elsewhere'
          : 'no snapshot needs it any more, and "holdfast prune" removes it';
      for (const problem of problems) {
        if (!isKnown) this.#findings.add('error', object, problem, true);
        else if (hasLost) this.#findings.add('error', object, problem, false);
        else this.#findings.add('warning', object, `${problem}; ${rest}`, false);
      }
    }
  }

  #addDamagedPack(pack: DamagedPack, problems: readonly string[]): void {
    const known = this.#damagedPacks.get(pack.name);
    // What reading it has shown says more than that it was bad before.
    this.#damagedPacks.set(pack.name, { ...known, ...pack, problems: [...problems] });
  }

  #isUnverified(error: AppError): boolean {
    const signer = unknownSignerOf(error);
    if (signer !== undefined) this.#addUnverified(signer);
    return signer !== undefined;
  }

  #addUnverified(signer: string): void {
    this.#unverified.set(signer, (this.#unverified.get(signer) ?? 0) + 1);
  }

  /** Of the blobs with a bad copy, those that another pack holds as well. */
  #soundCopies({ packs }: Catalogue): Set<string> {
    const held = new Set<string>();
    if (this.#badCopies.size === 0) return held;
    for (const pack of packs) {
      visitTableBlobs(pack.head, (bytes, offset) => {
        const id = toHex(bytes.subarray(offset, offset + 32));
        if (this.#badCopies.get(id)?.has(pack.name) === false) held.add(id);
      });
    }
    return held;
  }

  /** All of a pack's blobs count as bad copies. */
  #condemn(name: string, head: Parameters<typeof visitTableBlobs>[0]): void {
    visitTableBlobs(head, (bytes, offset) =>
      this.#addBadCopy(toHex(bytes.subarray(offset, offset + 32)), name),
    );
  }

  #addBadCopy(id: string, pack: string): void {
    const packs = this.#badCopies.get(id) ?? new Set();
    packs.add(pack);
    this.#badCopies.set(id, packs);
  }

  #phase(phase: string): void {
    this.#options.onPhase?.(phase);
  }
}

/** Whether any blob of a pack, by its table, is such a one. */
function holds(
  { head }: ListedPack,
  isSuch: (bytes: Uint8Array, offset: number) => boolean,
): boolean {
  let found = false;
  visitTableBlobs(head, (bytes, offset) => {
    found ||= isSuch(bytes, offset);
  });
  return found;
}

function rootsOf({ snapshots }: SnapshotList): Uint8Array[] {
  return snapshots.map(({ final }) => final.root);
}

/** Does two things at once; when one fails the other is stopped and waited for. */
async function bothOf(
  { signal }: CallOptions,
  ...works: readonly ((call: CallOptions) => Promise<void>)[]
): Promise<void> {
  const stop = new AbortController();
  const call = {
    signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
  };
  await Promise.all(works.map((work) => work(call).catch((error: unknown) => stop.abort(error))));
  stop.signal.throwIfAborted();
}
