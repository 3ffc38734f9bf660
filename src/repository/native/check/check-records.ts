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

/** A tombstone this old belongs to a collection that died, in milliseconds. */
const OLD_TOMBSTONE = 7 * 24 * 60 * 60 * 1000;

type Decode = (name: string, bytes: Uint8Array, verifying: Verifying) => unknown;

/** The small records that no other part of a check reads. */
const decoders: Readonly<Record<string, Decode>> = {
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
  const findings: CheckFinding[] = [];
  const damaged: DamagedRecord[] = [];
  const certificates = new Map<string, number>();
  let settings = 0;
  const error = (object: string | undefined, message: string): void =>
    void findings.push({ severity: 'error', object, message, repairable: false });
  const warning = (object: string | undefined, message: string): void =>
    void findings.push({ severity: 'warning', object, message, repairable: false });
  let foreign = 0;
  await eachPool(
    storage.list('', options),
    storage.capabilities.concurrency,
    async ({ name, modified }, call) => {
      const parsed = parseObjectName(name);
      if (parsed === undefined) {
        // All are counted; the first few are named.
        if (++foreign <= 10)
          warning(name, `"${name}" is no object of this format; it is left alone`);
        return;
      }
      const decode = decoders[parsed.type];
      if (decode === undefined) return;
      try {
        decode(name, await storage.read(name, call), verifying);
        if (parsed.type === 'settings') settings = Math.max(settings, parsed.number);
        if (parsed.type === 'host') {
          certificates.set(parsed.id, Math.max(parsed.number, certificates.get(parsed.id) ?? 0));
        }
      } catch (cause) {
        if (hasCode(cause, 'storage/not-found')) return;
        if (hasCode(cause, 'repository/unsupported')) error(name, cause.message);
        else if (!hasCode(cause, 'repository/damaged')) throw cause;
        else damaged.push({ name, parsed, error: cause });
      }
      if (parsed.type === 'tombstone' && clock.now() - (modified ?? clock.now()) > OLD_TOMBSTONE) {
        warning(
          name,
          `"${name}" was left by a prune that never ended; "prune --clear-tombstones" removes it when no prune runs anywhere`,
        );
      }
    },
    options,
  );
  if (foreign > 10)
    warning(
      undefined,
      `There are ${counted(foreign, 'object that is', 'objects that are')} not of this format`,
    );
  await checkKeys(access, error, warning, options);
  return { findings, damaged, certificates, settings };
}

async function checkKeys(
  { storage }: Access,
  error: (object: string | undefined, message: string) => void,
  warning: (object: string | undefined, message: string) => void,
  options: CallOptions,
): Promise<void> {
  try {
    if ((await readDescription(storage, options)) === undefined) {
      error('holdfast', '"holdfast" is gone');
    }
    const { slots, damaged } = await readKeySlots(storage, options);
    for (const problem of damaged) error(String(problem.details['object'] ?? ''), problem.message);
    if (slots.length === 0) {
      warning(undefined, 'There is no key slot: only the recovery sheet opens this repository');
    }
  } catch (cause) {
    if (!hasCode(cause, 'repository/damaged', 'repository/unsupported')) throw cause;
    error(
      typeof cause.details['object'] === 'string' ? cause.details['object'] : undefined,
      cause.message,
    );
  }
}
