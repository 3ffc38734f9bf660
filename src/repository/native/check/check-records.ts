import { counted } from '../../../base/counted.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode, type AppError } from '../../../base/errors.ts';
import { eachPool } from '../../../base/pool.ts';
import type { Access } from '../access.ts';
import { readKeySlots } from '../keys/key-slot.ts';
import { readDescription } from '../keys/unlock.ts';
import { decodeAudit } from '../objects/audit.ts';
import { decodeHostCertificate } from '../objects/host-certificate.ts';
import { parseObjectName, type ObjectName } from '../objects/object-name.ts';
import { decodePending } from '../objects/pending.ts';
import type { Verifying } from '../objects/signed-object.ts';
import { decodeSettings } from '../objects/settings.ts';
import { decodeTombstone } from '../objects/tombstone.ts';
import type { CheckFinding } from './check-result.ts';
import { FindingList } from './finding-list.ts';

/** A tombstone this old belongs to a collection that died, in milliseconds. */
const OLD_TOMBSTONE = 7 * 24 * 60 * 60 * 1000;

type Decode = (name: string, bytes: Uint8Array, verifying: Verifying) => unknown;

/** The small records that no other part of a check reads. */
export const recordDecoders: Readonly<Record<string, Decode>> = {
  settings: decodeSettings,
  host: decodeHostCertificate,
  pending: decodePending,
  tombstone: decodeTombstone,
  audit: decodeAudit,
};

/** A small record that is not what its name says. */
export interface DamagedRecord {
  readonly name: string;
  readonly parsed: ObjectName;
  readonly error: AppError;
}

/** What the small records say. */
export interface CheckedRecords {
  readonly findings: readonly CheckFinding[];
  readonly damaged: readonly DamagedRecord[];
  /** The largest number of a valid certificate of each host, and of valid settings; 0 if there are none. */
  readonly certificates: ReadonlyMap<string, number>;
  readonly settings: number;
}

/** Decodes every small record, and looks for foreign objects and for a way to open the repository. What damaged ones mean is for the caller to say. */
export async function checkRecords(
  access: Access,
  options: CallOptions = {},
): Promise<CheckedRecords> {
  const { storage, verifying, clock } = access;
  const findings = new FindingList();
  const damaged: DamagedRecord[] = [];
  const certificates = new Map<string, number>();
  let settings = 0;
  let foreign = 0;
  await eachPool(
    storage.list('', options),
    storage.capabilities.concurrency,
    async ({ name, modified }, call) => {
      const parsed = parseObjectName(name);
      if (parsed === undefined) {
        // All are counted; the first few are named.
        if (++foreign <= 10) {
          const text = `"${name}" is no object of this format; it is left alone`;
          findings.add('warning', name, text, false);
        }
        return;
      }
      const decode = recordDecoders[parsed.type];
      if (decode === undefined) return;
      try {
        decode(name, await storage.read(name, call), verifying);
        if (parsed.type === 'settings') settings = Math.max(settings, parsed.number);
        if (parsed.type === 'host') {
          certificates.set(parsed.id, Math.max(parsed.number, certificates.get(parsed.id) ?? 0));
        }
      } catch (cause) {
        if (hasCode(cause, 'storage/not-found')) return;
        if (hasCode(cause, 'repository/unsupported')) {
          findings.add('error', name, cause.message, false);
        } else if (!hasCode(cause, 'repository/damaged')) throw cause;
        else damaged.push({ name, parsed, error: cause });
      }
      if (parsed.type === 'tombstone' && clock.now() - (modified ?? clock.now()) > OLD_TOMBSTONE) {
        const text = `"${name}" was left by a prune that never ended; "prune --clear-tombstones" removes it when no prune runs anywhere`;
        findings.add('warning', name, text, false);
      }
    },
    options,
  );
  if (foreign > 10) {
    const text = `There are ${counted(foreign, 'object that is', 'objects that are')} not of this format`;
    findings.add('warning', undefined, text, false);
  }
  await checkKeys(access, findings, options);
  return { findings: findings.all, damaged, certificates, settings };
}

async function checkKeys(
  { storage }: Access,
  findings: FindingList,
  options: CallOptions,
): Promise<void> {
  try {
    if ((await readDescription(storage, options)) === undefined) {
      findings.add('error', 'holdfast', '"holdfast" is gone', false);
    }
    const { slots, damaged } = await readKeySlots(storage, options);
    for (const { details, message } of damaged) {
      findings.add('error', String(details['object'] ?? ''), message, false);
    }
    if (slots.length === 0) {
      const text = 'There is no key slot: only the recovery sheet opens this repository';
      findings.add('warning', undefined, text, false);
    }
  } catch (cause) {
    if (!hasCode(cause, 'repository/damaged', 'repository/unsupported')) throw cause;
    const { object } = cause.details;
    findings.add('error', typeof object === 'string' ? object : undefined, cause.message, false);
  }
}
