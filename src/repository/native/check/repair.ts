import { counted } from '../../../base/counted.ts';
import { fromHex, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import type { Access } from '../access.ts';
import { completeForgets, noteForgotten } from '../collector/forget.ts';
import { deleteIndexObjects, publishMergedIndex } from '../index/index-merger.ts';
import { ownerSigner } from '../keys/key-ring.ts';
import { encodeSettings } from '../objects/settings.ts';
import { encodeAudit, type Verdict } from '../objects/audit.ts';
import { encodeIndexObject, splitIndex, type IndexedPack } from '../objects/index-object.ts';
import { tableHash } from '../packs/pack-table.ts';
import { readPackTail } from '../packs/pack-tail.ts';
import type { CheckResult, RepairEvidence } from './check-result.ts';
import { confirmEvidence } from './confirm-evidence.ts';

/** One thing that a repair does. */
export interface RepairStep {
  readonly kind:
    | 'write-certificates'
    | 'write-copies'
    | 'write-settings'
    | 'note-missing'
    | 'remove-damaged'
    | 'correct-index'
    | 'index-packs'
    | 'drop-vanished'
    | 'condemn-packs'
    | 'remove-index'
    | 'finish-forget';
  /** A sentence for people. */
  readonly message: string;
  readonly count: number;
}

/** What a repair would do; nothing was changed yet. Packs are never deleted or changed by it, and no snapshot that is there. */
export interface RepairPlan {
  readonly steps: readonly RepairStep[];
  readonly evidence: RepairEvidence;
  /** Snapshots that have lost content and stay all the same, by id. */
  readonly damagedSnapshots: readonly string[];
}

/** Derives from a check what can be repaired. */
export function planRepairs({ evidence, affected }: CheckResult): RepairPlan {
  return {
    steps: stepsOf(evidence),
    evidence,
    damagedSnapshots: affected.map(({ id }) => id),
  };
}

function stepsOf(evidence: RepairEvidence): RepairStep[] {
  const { unindexed, mistaken, vanished, damagedIndex, damagedPacks, returned } = evidence;
  const { certificates, copies, needless, settingsNumber, missing } = evidence;
  const all: RepairStep[] = [
    {
      kind: 'write-certificates',
      message: `Write the certificates of ${counted(certificates.length, 'host')} again, without which nothing that they signed can be verified: ${certificates.map(({ hostId }) => hostId).join(', ')}`,
      count: certificates.length,
    },
    {
      kind: 'write-copies',
      message: `Write ${counted(copies.length, 'object')} again of which this machine keeps copies`,
      count: copies.length,
    },
    {
      kind: 'write-settings',
      message: 'Write settings again: those that count now, or else the defaults',
      count: settingsNumber === undefined ? 0 : 1,
    },
    {
      kind: 'note-missing',
      message: `Write down that ${counted(missing.length, 'snapshot is', 'snapshots are')} gone that nobody is known to have forgotten, so that they are not missed again`,
      count: missing.length,
    },
    {
      kind: 'remove-damaged',
      message: `Remove ${counted(needless.length, 'damaged object that is', 'damaged objects that are')} not needed any more then: ${needless.slice(0, 5).join(', ')}${needless.length > 5 ? ', …' : ''}`,
      count: needless.length,
    },
    {
      kind: 'correct-index',
      message: `Correct what the index says of ${counted(mistaken.length, 'pack')}`,
      count: mistaken.length,
    },
    {
      kind: 'index-packs',
      message: `Put ${counted(unindexed.length, 'pack')} into the index that it does not name`,
      count: unindexed.length,
    },
    {
      kind: 'drop-vanished',
      message: `Take ${counted(vanished.length, 'pack that is', 'packs that are')} gone out of the index`,
      count: vanished.length,
    },
    {
      kind: 'condemn-packs',
      message: `Mark ${counted(damagedPacks.length, 'damaged pack')} as bad: nothing of it is removed, and the next backup stores the content again where it still can be read`,
      count: damagedPacks.length,
    },
    {
      kind: 'remove-index',
      message: `Remove ${counted(damagedIndex.length, 'damaged index object')}; the packs say the same`,
      count: damagedIndex.length,
    },
    {
      kind: 'finish-forget',
      message: `Remove ${counted(returned.length, 'snapshot that was forgotten and is', 'snapshots that were forgotten and are')} still there`,
      count: returned.length,
    },
  ];
  return all.filter(({ count }) => count > 0);
}

/**
 * Carries out what of a plan still is as it was. Each part is of use by itself: after a crash the next check finds the rest. Gives what was done.
 */
export async function carryOutRepairs(
  access: Access,
  plan: RepairPlan,
  options: CallOptions = {},
): Promise<RepairStep[]> {
  const evidence = await confirmEvidence(access, plan.evidence, options);
  await writeAgain(access, evidence, options);
  await correctIndex(access, evidence, options);
  await condemnPacks(access, evidence, options);
  // Only now: what they said is said again by others.
  await deleteIndexObjects(access, evidence.damagedIndex, options);
  if (evidence.returned.length > 0) await completeForgets(access, options);
  return stepsOf(evidence);
}

/** The same bytes under the same names, or what takes the place of something that is lost; then what is damaged goes. */
async function writeAgain(
  access: Access,
  { certificates, copies, settingsNumber, missing, needless }: RepairEvidence,
  options: CallOptions,
): Promise<void> {
  const { storage, keys, random } = access;
  // A certificate without a copy is this machine's own: it was made when the repository was opened for writing.
  const written = [...certificates.flatMap(({ copy }) => copy ?? []), ...copies];
  for (const { name, bytes } of written) await storage.put(name, bytes, options);
  if (written.length > 0) await access.refreshSigners(options);
  if (settingsNumber !== undefined && keys.ownerSeed !== undefined) {
    const settings = { ...access.settings, number: settingsNumber, id: toHex(random(16)) };
    const signing = { keys, signer: ownerSigner(keys), random };
    const { name, bytes } = encodeSettings(settings, signing);
    await storage.put(name, bytes, { ...options, ifAbsent: true });
  }
  if (missing.length > 0) await noteForgotten(access, missing, options);
  for (const name of needless) await storage.delete(name, options);
}

/** What the index says of a pack is only taken back when the pack's own word is there to take its place, or the pack is gone. */
async function correctIndex(
  access: Access,
  { unindexed, mistaken, vanished }: RepairEvidence,
  options: CallOptions,
): Promise<void> {
  const packs: IndexedPack[] = [];
  const without = new Set(vanished);
  const wrong = new Set(mistaken.map(({ name }) => name));
  for (const { name, size } of [...unindexed, ...mistaken]) {
    try {
      const { record } = await readPackTail(access.storage, name, size, access.verifying, {
        ...options,
        withHead: true,
      });
      packs.push({ name: fromHex(name), size, table: record });
      if (wrong.has(name)) without.add(name);
    } catch (error) {
      // A prune took it since the check, or it turned out to be damaged after all: it stays as it is.
      if (!hasCode(error, 'storage/not-found', 'repository/damaged')) throw error;
    }
  }
  if (without.size > 0) {
    const { replaced } = await publishMergedIndex(access, { ...options, without });
    await deleteIndexObjects(access, replaced, options);
  }
  for (const part of splitIndex({ packs, supersedes: [] })) {
    const { name, bytes } = encodeIndexObject(part, access.signing);
    await access.storage.put(name, bytes, options);
  }
}

async function condemnPacks(
  { storage, signing, clock, random }: Access,
  { damagedPacks }: RepairEvidence,
  options: CallOptions,
): Promise<void> {
  const verdicts = damagedPacks.flatMap(({ name, listed, ownTable }): Verdict[] => {
    const tables = new Set<string>();
    if (ownTable !== undefined) tables.add(ownTable);
    if (listed !== undefined) tables.add(toHex(tableHash(listed.table)));
    return [...tables].map((table) => ({ pack: name, table, good: false }));
  });
  for (let start = 0; start < verdicts.length; start += 10_000) {
    const { name, bytes } = encodeAudit(
      {
        id: toHex(random(16)),
        verdicts: verdicts.slice(start, start + 10_000),
        time: clock.now(),
      },
      signing,
    );
    await storage.put(name, bytes, options);
  }
}
