import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { keyPairFromSeed } from '../../../codec/encryption/x-wing.ts';
import type { Snapshot } from '../../../model/snapshot.ts';
import type { Access } from '../access.ts';
import { decodeEntry, type TreeEntry } from '../content/tree.ts';
import { requireKey } from '../keys/key-ring.ts';
import { decodeFinal, type Final } from '../objects/final.ts';
import { decodeForget, type Forget } from '../objects/forget.ts';
import { hostName, objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import { decodeSeal, sealMatches, type Seal } from '../objects/seal.ts';
import type { KnownSigner } from '../objects/signed-body.ts';
import { unknownSignerOf, type Signed } from '../objects/signed-object.ts';
import type { Finding } from './finding.ts';
import { sealFindings, type ListedSeal } from './seal-sequence.ts';

/** A snapshot with everything that its final and its seal say. */
export interface StoredSnapshot {
  /** What the rest of the program knows of it. */
  readonly snapshot: Snapshot;
  readonly final: Final;
  /** The root directory; its name is ".". */
  readonly root: TreeEntry;
  /** Who signed the final. */
  readonly signer: KnownSigner;
  /** SHA-256 of the final, in hexadecimal. */
  readonly finalHash: string;
  /** The seal that commits it; undefined while it is unfinished. */
  readonly seal: ListedSeal | undefined;
}

export interface SnapshotList {
  /** Complete and unfinished ones, oldest first; none that was forgotten. */
  readonly snapshots: readonly StoredSnapshot[];
  /** Valid seals, also those without a final. */
  readonly seals: readonly ListedSeal[];
  readonly forgets: readonly Forget[];
  readonly findings: readonly Finding[];
  /**
   * Finals that are there and cannot be read, by object name. What they need is not known, so a collector deletes nothing while there is one.
   */
  readonly unreadable: readonly string[];
}

export interface SnapshotListOptions extends CallOptions {
  /** The largest sequence number this machine ever saw, by host: a repository that shows less was set back. */
  readonly remembered?: ReadonlyMap<string, number> | undefined;
}

/**
 * Lists and reads all snapshots (native.md, sections 11, 12 and 14.3): seals first, then finals, then the records of what was forgotten, in this order so
 * that whatever happens meanwhile is not mistaken for loss. A damaged object is a finding; a listing or a read that fails is an error.
 *
 * @throws AppError `repository/not-permitted` without the meta key, `storage/…`, `repository/unsupported`
 */
export async function listSnapshots(
  access: Access,
  options: SnapshotListOptions = {},
): Promise<SnapshotList> {
  const list = await listOnce(access, options);
  // If they were asked for ahead, they were listed before it was looked up what this machine remembers: another process may have seen more in between.
  const isOlder = list.findings.some(({ kind }) => kind === 'step-back');
  return isOlder ? listOnce(access, options) : list;
}

async function listOnce(access: Access, options: SnapshotListOptions): Promise<SnapshotList> {
  const { keys, verifying } = access;
  const { secret: metaSecret } = keyPairFromSeed(requireKey(keys, 'metaSeed'));
  const findings: Finding[] = [];
  const unverified: Unverified = new Map();
  const vanished: string[] = [];
  const seals = await readSeals(access, findings, options, { unverified, vanished });
  const verifyFinal = {
    repositoryId: keys.repositoryId,
    metaSecret,
    findSigner: verifying.findSigner,
  };
  const unreadable: string[] = [];
  const finals = await readAll(
    access,
    objectPrefixes.final,
    findings,
    (name, bytes): ReadFinal => {
      const { value, signer } = decodeFinal(name, bytes, verifyFinal);
      return { final: value, signer, finalHash: toHex(sha256(bytes)), root: rootOf(name, value) };
    },
    options,
    { unreadable, unverified, vanished },
  );
  const readRecords = async () => {
    const found: Finding[] = [];
    const unknown: Unverified = new Map();
    const records = await readForgets(access, found, options, unknown);
    return { records, found, unknown };
  };
  let recorded = await readRecords();
  // If they were asked for ahead, they were listed before what is gone was read: it may have been forgotten since.
  if (vanished.length > 0) recorded = await readRecords();
  findings.push(...recorded.found);
  for (const [signer, names] of recorded.unknown) noteUnverified(unverified, signer, names);
  const forgets = recorded.records;
  findings.push(...(await unverifiedFindings(access, unverified, options)));
  const forgotten = new Set(
    forgets.flatMap((forget) => forget.snapshots.map(({ snapshotId }) => snapshotId)),
  );
  const sealsById = new Map(seals.map((seal) => [seal.value.snapshotId, seal]));
  const snapshots: StoredSnapshot[] = [];
  for (const read of finals) {
    if (forgotten.has(read.final.id)) {
      findings.push(returned(objectPrefixes.final + read.final.id));
      continue;
    }
    snapshots.push(matched(read, sealsById.get(read.final.id), findings));
  }
  const present = new Set(finals.map(({ final }) => final.id));
  // The writer itself took them back, because somebody had removed their finals (W11).
  const voided = new Set(
    seals.flatMap(({ value }) => value.voided.map((number) => `${value.hostId} ${number}`)),
  );
  for (const { name, value } of seals) {
    const { snapshotId } = value;
    if (voided.has(`${value.hostId} ${value.sequence}`)) continue;
    if (present.has(snapshotId) || unreadable.includes(objectPrefixes.final + snapshotId)) continue;
    if (forgotten.has(snapshotId)) continue;
    findings.push({
      kind: 'unmatched-seal',
      severity: 'error',
      message: `Snapshot ${snapshotId} was sealed and is gone without having been forgotten`,
      object: name,
      missing: 1,
    });
  }
  findings.push(...sealFindings(seals, forgets, options.remembered));
  snapshots.sort(
    (left, right) =>
      left.snapshot.time - right.snapshot.time || (left.final.id < right.final.id ? -1 : 1),
  );
  return { snapshots, seals, forgets, findings, unreadable };
}

/** Lists and reads all valid seals: also without the meta key, so that every host finds its own. */
export async function listSeals(
  access: Access,
  options: CallOptions = {},
): Promise<{ readonly seals: readonly ListedSeal[]; readonly findings: readonly Finding[] }> {
  const findings: Finding[] = [];
  const unverified: Unverified = new Map();
  const seals = await readSeals(access, findings, options, { unverified });
  findings.push(...(await unverifiedFindings(access, unverified, options)));
  return { seals, findings };
}

/** The records of what was forgotten. */
export async function listForgets(
  access: Access,
  options: CallOptions = {},
): Promise<{ readonly forgets: readonly Forget[]; readonly findings: readonly Finding[] }> {
  const findings: Finding[] = [];
  const unverified: Unverified = new Map();
  const forgets = await readForgets(access, findings, options, unverified);
  findings.push(...(await unverifiedFindings(access, unverified, options)));
  return { forgets, findings };
}

/** Names of objects whose signer has no valid certificate, by the signer. */
type Unverified = Map<string, string[]>;

function noteUnverified(unverified: Unverified, signer: string, names: readonly string[]): void {
  unverified.set(signer, [...(unverified.get(signer) ?? []), ...names]);
}

/** What reading finds besides values, by object name. */
interface AlsoFound {
  readonly unreadable?: string[];
  readonly unverified: Unverified;
  /** What was listed and is gone. */
  readonly vanished?: string[];
}

interface ReadFinal {
  readonly final: Final;
  readonly signer: KnownSigner;
  readonly finalHash: string;
  readonly root: TreeEntry;
}

function readSeals(
  access: Access,
  findings: Finding[],
  options: CallOptions,
  also: AlsoFound,
): Promise<ListedSeal[]> {
  return readAll(
    access,
    objectPrefixes.seal,
    findings,
    (name, bytes, modified): ListedSeal => {
      const seal: Signed<Seal> = decodeSeal(name, bytes, access.verifying);
      return { ...seal, name, hash: toHex(sha256(bytes)), stored: modified };
    },
    options,
    also,
  );
}

function readForgets(
  access: Access,
  findings: Finding[],
  options: CallOptions,
  unverified: Unverified,
): Promise<Forget[]> {
  return readAll(
    access,
    objectPrefixes.forget,
    findings,
    (name, bytes) => decodeForget(name, bytes, access.verifying).value,
    options,
    { unverified },
  );
}

/** Reads everything under a prefix. What vanished since the listing is left out; what is damaged is a finding. */
async function readAll<Value>(
  access: Access,
  prefix: string,
  findings: Finding[],
  decode: (name: string, bytes: Uint8Array, modified: number | undefined) => Value,
  { signal }: CallOptions,
  { unreadable = [], unverified, vanished = [] }: AlsoFound,
): Promise<Value[]> {
  const { storage } = access;
  const values: Value[] = [];
  let refreshed: Promise<void> | undefined;
  const read = mapPool(
    storage.list(prefix, { signal }),
    storage.capabilities.concurrency,
    async ({ name, modified }, call) => {
      if (parseObjectName(name) === undefined) {
        findings.push(foreign(name));
        return;
      }
      try {
        const bytes = await storage.read(name, call);
        try {
          values.push(decode(name, bytes, modified));
        } catch (error) {
          if (!hasCode(error, 'repository/damaged')) throw error;
          // Perhaps by a machine that came after this program read who there is.
          await (refreshed ??= access.refreshSigners({ signal }));
          values.push(decode(name, bytes, modified));
        }
      } catch (error) {
        if (hasCode(error, 'storage/not-found')) {
          vanished.push(name);
          return;
        }
        if (!hasCode(error, 'repository/damaged')) throw error;
        unreadable.push(name);
        const signer = unknownSignerOf(error);
        if (signer !== undefined) {
          noteUnverified(unverified, signer, [name]);
          return;
        }
        findings.push({
          kind: 'damaged',
          severity: 'error',
          message: error.message,
          object: name,
        });
      }
    },
    { signal },
  );
  for await (const _ of read);
  return values;
}

/** One finding for each host whose certificate is missing: it is the cause of all the others. */
async function unverifiedFindings(
  access: Access,
  unverified: Unverified,
  options: CallOptions,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [host, names] of unverified) {
    const finals = names.filter((name) => name.startsWith(objectPrefixes.final)).length;
    const what = finals > 0 ? `${finals} snapshots` : `${names.length} objects`;
    const certificates = await certificatesOf(access, host, options);
    findings.push({
      kind: 'unverified',
      severity: 'error',
      message: `${what} of host ${host} are there and cannot be verified, because ${
        certificates[0] === undefined
          ? 'the certificate of that host is gone'
          : `"${certificates[0]}", the certificate of that host, is damaged`
      }`,
      object: certificates[0] ?? hostName(host, 1),
      hint: `A backup by that machine, or "holdfast check --repair" on it or on another that knew it, writes the certificate again`,
    });
  }
  return findings;
}

/** The names of a host's certificates, valid or not. */
async function certificatesOf(
  { storage }: Access,
  host: string,
  options: CallOptions,
): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of storage.list(objectPrefixes.host, options)) {
    const parsed = parseObjectName(name);
    if (parsed?.type === 'host' && parsed.id === host) names.push(name);
  }
  return names;
}

function rootOf(name: string, final: Final): TreeEntry {
  try {
    const root = decodeEntry(final.root);
    if (root.type !== 'directory') throw new MalformedError('The root is no directory');
    return root;
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw new AppError('repository/damaged', `"${name}" is damaged: ${cause.message}`, { cause });
  }
}

function matched(
  read: ReadFinal,
  seal: ListedSeal | undefined,
  findings: Finding[],
): StoredSnapshot {
  const isSealed = seal !== undefined && sealMatches(seal, read.finalHash, read.signer.id);
  if (seal !== undefined && !isSealed) {
    findings.push({
      kind: 'unmatched-seal',
      severity: 'error',
      message: `The seal of snapshot ${read.final.id} belongs to other bytes than those that are there`,
      object: seal.name,
    });
  }
  return {
    ...read,
    seal: isSealed ? seal : undefined,
    snapshot: snapshotOf(read, isSealed ? seal : undefined),
  };
}

function snapshotOf({ final, signer }: ReadFinal, seal: ListedSeal | undefined): Snapshot {
  const { statistics } = final;
  const snapshot: Snapshot = {
    id: final.id,
    time: final.started,
    hostname: final.hostName ?? '',
    username: final.userName ?? '',
    signer: signer.id,
    paths: final.paths.toSorted((left, right) => Buffer.compare(left, right)),
    tags: final.tags,
    state: seal === undefined ? 'unfinished' : 'complete',
  };
  if (statistics === undefined) return snapshot;
  return {
    ...snapshot,
    stats: {
      files: statistics.files,
      directories: statistics.directories,
      bytes: statistics.bytes,
      bytesAdded: statistics.storedBytes,
      filesNew: statistics.newFiles,
      filesChanged: statistics.changedFiles,
      filesUnchanged: statistics.unchangedFiles,
      errors: statistics.errors,
      milliseconds: Math.max(0, (final.ended ?? final.started) - final.started),
    },
  };
}

function returned(object: string): Finding {
  return {
    kind: 'returned',
    severity: 'warning',
    message: `"${object}" was forgotten and is still there; it is ignored`,
    object,
  };
}

function foreign(object: string): Finding {
  return {
    kind: 'foreign',
    severity: 'warning',
    message: `"${object}" is no object of this format; it is left alone`,
    object,
  };
}
