import { concatBytes, fromHex, toHex, utf8 } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import type { Access } from '../access.ts';
import { soundness } from '../object-copies.ts';
import type { ForgottenSnapshot } from '../objects/forget.ts';
import { twinNumber } from '../objects/host-certificate.ts';
import { finalName, hostName, parseObjectName } from '../objects/object-name.ts';
import { noPreviousSeal } from '../objects/seal.ts';
import { unknownSignerOf, type NamedObject } from '../objects/signed-object.ts';
import type { Finding } from '../reader/finding.ts';
import type { SnapshotList } from '../reader/snapshot-list.ts';
import type { CheckedRecords, DamagedRecord } from './check-records.ts';
import type { CheckFinding, LostCertificate } from './check-result.ts';
import { FindingList } from './finding-list.ts';

/** So many certificates of a host, three pairs, are looked for among the copies when none is listed. */
const LIKELY_NUMBERS = 6;
/** So many missing numbers of a host are written down at once. */
const MOST_MISSING = 10_000;

/** What has come to light about small objects. */
export interface RecordDamage {
  readonly records: CheckedRecords;
  readonly list: SnapshotList;
  /** Hosts without a valid certificate, by what was found signed by them elsewhere than in `list`: how many objects. */
  readonly unverified: ReadonlyMap<string, number>;
  /** All content was read: what damaged audits said was found out again. */
  readonly isContentRead: boolean;
}

/** What it means, and what can be done about it. */
export interface RecordJudgement {
  readonly findings: readonly CheckFinding[];
  readonly certificates: readonly LostCertificate[];
  readonly copies: readonly NamedObject[];
  readonly needless: readonly string[];
  readonly settingsNumber: number | undefined;
  readonly missing: readonly ForgottenSnapshot[];
}

/** Says what damaged small objects, missing certificates and missing snapshots mean. `access` is that with the copies of this machine. */
export async function judgeRecords(
  access: Access,
  damage: RecordDamage,
  options: CallOptions = {},
): Promise<RecordJudgement> {
  return new Judge(access, damage, options).judge();
}

class Judge {
  readonly #access: Access;
  readonly #damage: RecordDamage;
  readonly #call: CallOptions;
  readonly #isSound: (name: string, bytes: Uint8Array) => boolean;
  readonly #findings = new FindingList();
  readonly #certificates: LostCertificate[] = [];
  readonly #copies: NamedObject[] = [];
  readonly #needless: string[] = [];
  readonly #missing: ForgottenSnapshot[] = [];
  #settingsNumber: number | undefined;

  constructor(access: Access, damage: RecordDamage, options: CallOptions) {
    this.#access = access;
    this.#damage = damage;
    this.#call = options;
    this.#isSound = soundness(access.keys, access.verifying);
  }

  async judge(): Promise<RecordJudgement> {
    const { damaged } = this.#damage.records;
    await this.#judgeCertificates();
    this.#judgeSettings();
    for (const record of damaged) {
      if (record.parsed.type !== 'host' && record.parsed.type !== 'settings') {
        await this.#judgeRecord(record);
      }
    }
    for (const finding of this.#damage.list.findings) await this.#judgeFinding(finding);
    return {
      findings: this.#findings.all,
      certificates: this.#certificates,
      copies: this.#copies,
      needless: this.#needless,
      settingsNumber: this.#settingsNumber,
      missing: this.#missing,
    };
  }

  /** Certificates come first: what their hosts have signed is only as good as they are. */
  async #judgeCertificates(): Promise<void> {
    const { records, list, unverified } = this.#damage;
    const lost = new Map<string, DamagedRecord[]>();
    for (const record of records.damaged) {
      const { parsed, name, error } = record;
      if (parsed.type !== 'host') continue;
      const counting = records.certificates.get(parsed.id) ?? 0;
      const isTwin = counting === twinNumber(parsed.number);
      if (isTwin || counting > parsed.number) {
        this.#needless.push(name);
        const which = isTwin ? 'a second one that says the same' : 'a newer certificate';
        const text = `${error.message}; ${which} of that host counts`;
        this.#findings.add('warning', name, text, true);
      } else lost.set(parsed.id, [...(lost.get(parsed.id) ?? []), record]);
    }
    const strangers = list.findings.flatMap(({ kind, object }) => {
      const parsed = kind === 'unverified' ? parseObjectName(object ?? '') : undefined;
      return parsed?.type === 'host' ? [parsed.id] : [];
    });
    for (const hostId of new Set([...lost.keys(), ...strangers, ...unverified.keys()])) {
      const damaged = lost.get(hostId) ?? [];
      const isCurable = await this.#cureCertificate(hostId, damaged);
      for (const { name, error } of damaged)
        this.#findings.add('error', name, error.message, isCurable);
      const count = unverified.get(hostId);
      if (count !== undefined && !strangers.includes(hostId)) {
        const text = `${count} objects cannot be verified, because there is no valid certificate of host ${hostId}, which has signed them`;
        this.#findings.add('error', damaged[0]?.name ?? hostName(hostId, 1), text, isCurable);
      }
      for (const { kind, object, message } of list.findings) {
        const parsed = kind === 'unverified' ? parseObjectName(object ?? '') : undefined;
        if (parsed?.type === 'host' && parsed.id === hostId) {
          this.#findings.add('error', object, message, isCurable);
        }
      }
    }
  }

  async #cureCertificate(hostId: string, damaged: readonly DamagedRecord[]): Promise<boolean> {
    const { hostId: ownId, keys } = this.#access;
    const isListed = this.#damage.records.certificates.has(hostId);
    // An older one is valid: which of the two the owner meant is only known from a copy of the newer.
    const numbers = new Set(
      damaged.flatMap(({ parsed }) => (parsed.type === 'host' ? parsed.number : [])),
    );
    const likely = isListed ? 0 : LIKELY_NUMBERS;
    for (let number = 1; number <= likely; number++) numbers.add(number);
    // The newest first: an older one might give back what a newer one took.
    for (const number of [...numbers].toSorted((left, right) => right - left)) {
      const copy = await this.#copyOf(hostName(hostId, number));
      if (copy === undefined) continue;
      this.#certificates.push({ hostId, copy });
      // One with a larger number may have said something else.
      const replaced = damaged.filter(
        ({ parsed }) =>
          parsed.type === 'host' &&
          (parsed.number < number || parsed.number === twinNumber(number)),
      );
      this.#needless.push(...replaced.map(({ name }) => name));
      return true;
    }
    if (hostId !== ownId || keys.ownerSeed === undefined) return false;
    this.#certificates.push({ hostId, copy: undefined });
    this.#needless.push(...damaged.map(({ name }) => name));
    return true;
  }

  /** Init writes settings, and nobody removes the last ones. */
  #judgeSettings(): void {
    const { damaged, settings } = this.#damage.records;
    const isOwner = this.#access.keys.ownerSeed !== undefined;
    for (const { name, parsed, error } of damaged) {
      if (parsed.type !== 'settings') continue;
      if (isOwner) this.#needless.push(name);
      this.#findings.add('error', name, error.message, isOwner);
    }
    const known = Math.max(
      0,
      ...this.#damage.list.seals.map(({ value }) => value.settingsNumber ?? 0),
    );
    if (settings === 0) {
      const text =
        'There are no settings that count, though every repository has some: the defaults apply';
      this.#findings.add('error', undefined, text, isOwner);
    } else if (known > settings) {
      const text = `The settings have the number ${settings}, and a backup has seen those with the number ${known}: newer ones are gone`;
      this.#findings.add('warning', undefined, text, isOwner);
    } else {
      return;
    }
    this.#settingsNumber = known + 1;
  }

  async #judgeRecord({ name, parsed, error }: DamagedRecord): Promise<void> {
    if (unknownSignerOf(error) !== undefined) return; // Told with its certificate.
    if (await this.#cureByCopy(name)) return this.#findings.add('error', name, error.message, true);
    const isNeedless = parsed.type === 'audit' && this.#damage.isContentRead;
    if (isNeedless) this.#needless.push(name);
    const rest =
      parsed.type === 'audit' && !isNeedless
        ? '; what it said of packs is found out again by reading all content (--read-data)'
        : parsed.type === 'tombstone'
          ? '; "prune --clear-tombstones" removes it when no prune runs anywhere'
          : '';
    this.#findings.add('error', name, error.message + rest, isNeedless);
  }

  async #judgeFinding(finding: Finding): Promise<void> {
    const { kind, severity, message, object, gap } = finding;
    switch (kind) {
      case 'foreign': // Counted with all others.
      case 'unverified': // Told with its certificate.
        return;
      case 'damaged':
        return await this.#judgeDamaged(object, message);
      case 'unmatched-seal':
        return await this.#judgeGone(finding);
      case 'missing-snapshot':
      case 'step-back': {
        const isCurable = gap !== undefined && this.#mayNoteMissing();
        if (isCurable) this.#noteGap(gap);
        return this.#findings.add(severity, object, message, isCurable);
      }
      case 'fork':
      case 'returned':
        return this.#findings.add(severity, object, message, kind === 'returned');
    }
  }

  /** A final, a seal or a forget record. */
  async #judgeDamaged(object: string | undefined, message: string): Promise<void> {
    const parsed = parseObjectName(object ?? '');
    if (object === undefined || parsed === undefined) {
      return this.#findings.add('error', object, message, false);
    }
    if (await this.#cureByCopy(object)) return this.#findings.add('error', object, message, true);
    const { snapshots, unreadable } = this.#damage.list;
    if (parsed.type === 'final') {
      const text = `${message}; if no copy of it is found, "holdfast forget ${parsed.id} --force" gives it up`;
      return this.#findings.add('error', object, text, false);
    }
    const isSeal = parsed.type === 'seal';
    if (isSeal && unreadable.includes(finalName(parsed.id))) {
      return this.#findings.add('error', object, message, false); // What is to be done is told with the final.
    }
    if (isSeal && snapshots.some(({ final }) => final.id === parsed.id)) {
      const text = `${message}; its snapshot counts as unfinished and can still be restored by its id, "holdfast forget ${parsed.id}" gives it up`;
      return this.#findings.add('error', object, text, false);
    }
    const isCurable = this.#access.keys.role === 'owner';
    if (isCurable) this.#needless.push(object);
    this.#findings.add('error', object, message, isCurable);
  }

  /** A seal whose final is gone or is another one. */
  async #judgeGone({ object, message, severity, missing }: Finding): Promise<void> {
    const seal = this.#damage.list.seals.find(({ name }) => name === object);
    if (missing === undefined || seal === undefined) {
      return this.#findings.add(severity, object, message, false);
    }
    const { snapshotId, hostId, sequence } = seal.value;
    const isCurable = await this.#cureByCopy(finalName(snapshotId));
    if (!isCurable) this.#missing.push({ snapshotId, hostId, sequence, sealHash: seal.hash });
    this.#findings.add(severity, object, message, true);
  }

  /** What a damaged seal has said might explain the gap, and what comes back from a copy as well. */
  #mayNoteMissing(): boolean {
    const explaining = /^(?:seals|forgets)\//u;
    if (this.#copies.some(({ name }) => explaining.test(name))) return false;
    const { findings } = this.#damage.list;
    return !findings.some(
      ({ kind, object }) =>
        kind === 'unverified' || (kind === 'damaged' && object?.startsWith('seals/') === true),
    );
  }

  #noteGap({ hostId, first, last }: NonNullable<Finding['gap']>): void {
    const voided = new Set(
      this.#damage.list.seals
        .filter(({ value }) => value.hostId === hostId)
        .flatMap(({ value }) => value.voided),
    );
    for (let sequence = first; sequence <= Math.min(last, first + MOST_MISSING); sequence++) {
      if (!voided.has(sequence)) this.#missing.push(missingSnapshot(hostId, sequence));
    }
  }

  async #cureByCopy(name: string): Promise<boolean> {
    const copy = await this.#copyOf(name);
    if (copy !== undefined) this.#copies.push(copy);
    return copy !== undefined;
  }

  /** This machine's copy of an object, if it has a sound one. */
  async #copyOf(name: string): Promise<NamedObject | undefined> {
    try {
      const bytes = await this.#access.storage.read(name, this.#call);
      return this.#isSound(name, bytes) ? { name, bytes } : undefined;
    } catch (error) {
      if (hasCode(error, 'storage/not-found')) return undefined;
      throw error;
    }
  }
}

/** How a number is written down of which nothing is left (native.md, section 13): the same whoever does it. */
function missingSnapshot(hostId: string, sequence: number): ForgottenSnapshot {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(sequence), true);
  const digest = sha256(concatBytes(utf8('holdfast/1 missing'), fromHex(hostId), number));
  const snapshotId = toHex(digest.subarray(0, 16));
  return { snapshotId, hostId, sequence, sealHash: noPreviousSeal };
}
