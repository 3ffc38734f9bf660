import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import type { Access } from '../access.ts';
import { encodeForget, type Forget, type ForgottenSnapshot } from '../objects/forget.ts';
import {
  finalName,
  forgetName,
  objectPrefixes,
  parseObjectName,
  sealName,
} from '../objects/object-name.ts';
import { noPreviousSeal } from '../objects/seal.ts';
import { ownerSignerId } from '../objects/signed-body.ts';
import type { ListedSeal } from '../reader/seal-sequence.ts';
import { listForgets } from '../reader/snapshot-list.ts';

/** So many forget records are merged into one. */
const MANY_RECORDS = 16;
/** A record names at most so many snapshots, so that it stays small. */
const LARGEST_RECORD = 20_000;

/** A snapshot to be forgotten, and the seal that committed it, if there is one. */
export interface Forgettable {
  readonly id: string;
  readonly seal: ListedSeal | undefined;
}

/**
 * Takes snapshots away for good: publishes a signed record first, then deletes final and seal of each (native.md, section 13). After a crash anywhere in between
 * the snapshots are forgotten, and `completeForgets` finishes the work. Needs an owner or janitor.
 */
export async function forgetSnapshots(
  access: Access,
  snapshots: readonly Forgettable[],
  options: CallOptions = {},
): Promise<void> {
  await noteForgotten(access, snapshots.map(forgotten), options);
}

/** The same for snapshots of which little or nothing is left. */
export async function noteForgotten(
  access: Access,
  snapshots: readonly ForgottenSnapshot[],
  options: CallOptions = {},
): Promise<void> {
  const { storage, clock, random, signing } = access;
  for (let start = 0; start < snapshots.length; start += LARGEST_RECORD) {
    const part = snapshots.slice(start, start + LARGEST_RECORD);
    const { name, bytes } = encodeForget(
      {
        id: toHex(random(16)),
        snapshots: part,
        time: clock.now(),
        merged: [],
      },
      signing,
    );
    await storage.put(name, bytes, options);
    for (const { snapshotId } of part) await remove(access, snapshotId, options);
  }
}

/**
 * Deletes what is left of snapshots that were forgotten: after a crash, or because somebody put them back. Gives their ids.
 */
export async function completeForgets(
  access: Access,
  options: CallOptions = {},
): Promise<string[]> {
  const { forgets } = await listForgets(access, options);
  const gone = new Set(
    forgets.flatMap(({ snapshots }) => snapshots.map(({ snapshotId }) => snapshotId)),
  );
  const left = new Set<string>();
  for (const prefix of [objectPrefixes.final, objectPrefixes.seal]) {
    for await (const { name } of access.storage.list(prefix, options)) {
      const parsed = parseObjectName(name);
      if (parsed?.type !== 'final' && parsed?.type !== 'seal') continue;
      if (gone.has(parsed.id)) left.add(parsed.id);
    }
  }
  for (const id of left) await remove(access, id, options);
  return [...left];
}

/** Merges forget records when there are many: publishes one that says the same, then deletes the others. Gives how many were merged. */
export async function mergeForgets(access: Access, options: CallOptions = {}): Promise<number> {
  const { forgets } = await listForgets(access, options);
  const inputs = forgets.filter(({ snapshots }) => snapshots.length < LARGEST_RECORD / 2);
  if (inputs.length < MANY_RECORDS) return 0;
  const { storage, clock, random, signing } = access;
  for (const group of groupsOf(inputs)) {
    const snapshots = new Map(
      group.flatMap((forget) => forget.snapshots.map((entry) => [entry.snapshotId, entry])),
    );
    const { name, bytes } = encodeForget(
      {
        id: toHex(random(16)),
        snapshots: [...snapshots.values()],
        time: clock.now(),
        merged: group.map(({ id }) => id),
      },
      signing,
    );
    await storage.put(name, bytes, options);
    for (const { id } of group) await storage.delete(forgetName(id), options);
  }
  return inputs.length;
}

/** The final first: what has only a seal is not shown, and not missed either, because the record explains it. */
async function remove({ storage }: Access, id: string, options: CallOptions): Promise<void> {
  await storage.delete(finalName(id), options);
  await storage.delete(sealName(id), options);
}

function forgotten({ id, seal }: Forgettable): ForgottenSnapshot {
  return {
    snapshotId: id,
    hostId: seal?.value.hostId ?? ownerSignerId,
    sequence: seal?.value.sequence ?? 0,
    sealHash: seal?.hash ?? noPreviousSeal,
  };
}

function groupsOf(records: readonly Forget[]): Forget[][] {
  const groups: Forget[][] = [];
  let size = Infinity;
  for (const record of records) {
    if (size + record.snapshots.length > LARGEST_RECORD) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(record);
    size += record.snapshots.length;
  }
  return groups;
}
