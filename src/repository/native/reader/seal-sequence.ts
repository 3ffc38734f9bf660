import type { Forget } from '../objects/forget.ts';
import { noPreviousSeal, type Seal } from '../objects/seal.ts';
import type { Signed } from '../objects/signed-object.ts';
import type { Finding } from './finding.ts';

/** A valid seal. */
export interface ListedSeal extends Signed<Seal> {
  /** Of the object. */
  readonly name: string;
  /** SHA-256 of the object, in hexadecimal. */
  readonly hash: string;
  /** When the storage says it was written, milliseconds since 1970. */
  readonly stored: number | undefined;
}

/** What one sequence number of a host was given to. */
interface Numbered {
  readonly snapshotId: string;
  readonly sequence: number;
  /** Of the seal object, zeros where there was none. */
  readonly hash: string;
  /** Undefined for one that was forgotten. */
  readonly seal: ListedSeal | undefined;
}

interface HostSequence {
  readonly numbered: Numbered[];
  /** Numbers that came to nothing. */
  readonly voided: Set<number>;
}

/**
 * What the sequence numbers of all hosts give away (native.md, section 12): numbers that are missing, given twice, or fewer than this machine saw before. Forgotten
 * and void numbers are no gaps.
 *
 * @param remembered the largest number seen so far, by host
 */
export function sealFindings(
  seals: readonly ListedSeal[],
  forgets: readonly Forget[],
  remembered: ReadonlyMap<string, number> = new Map(),
): Finding[] {
  const hosts = new Map<string, HostSequence>();
  const hostOf = (id: string): HostSequence => {
    const known = hosts.get(id) ?? { numbered: [], voided: new Set() };
    hosts.set(id, known);
    return known;
  };
  for (const seal of seals) {
    const { hostId, sequence, snapshotId, voided } = seal.value;
    const host = hostOf(hostId);
    host.numbered.push({ snapshotId, sequence, hash: seal.hash, seal });
    for (const number of voided) host.voided.add(number);
  }
  for (const { snapshots } of forgets) {
    for (const { hostId, sequence, snapshotId, sealHash } of snapshots) {
      if (sequence === 0) continue;
      hostOf(hostId).numbered.push({ snapshotId, sequence, hash: sealHash, seal: undefined });
    }
  }
  const findings: Finding[] = [];
  for (const [id, host] of hosts) findings.push(...hostFindings(id, host));
  for (const [id, number] of remembered) {
    const largest = largestOf(hosts.get(id));
    if (largest >= number) continue;
    findings.push({
      kind: 'step-back',
      severity: 'error',
      message: `Host ${id} had snapshots up to number ${number} when this machine last looked, and up to ${largest} now`,
      object: undefined,
      missing: number - largest,
      gap: { hostId: id, first: largest + 1, last: number },
    });
  }
  return findings;
}

function largestOf(host: HostSequence | undefined): number {
  let largest = 0;
  for (const { sequence } of host?.numbered ?? []) largest = Math.max(largest, sequence);
  return largest;
}

function hostFindings(id: string, { numbered, voided }: HostSequence): Finding[] {
  const findings: Finding[] = [];
  const ordered = numbered.toSorted((left, right) => left.sequence - right.sequence);
  let previous: Numbered | undefined;
  for (const current of ordered) {
    const { sequence } = current;
    const last = previous?.sequence ?? 0;
    if (sequence === last) {
      if (previous !== undefined && isFork(previous, current)) {
        findings.push(fork(id, current, `gave the number ${sequence} to two snapshots`));
      }
    } else {
      findings.push(...gapFindings(id, last + 1, sequence - 1, voided));
      if (
        previous !== undefined &&
        sequence === last + 1 &&
        !voided.has(last) &&
        followsAnother(previous, current)
      ) {
        const text = `sealed number ${sequence} after another number ${last} than the one that is there`;
        findings.push(fork(id, current, text));
      }
    }
    previous = current;
  }
  return findings;
}

function isFork(left: Numbered, right: Numbered): boolean {
  // Written down as missing, and come back since.
  if ([left, right].some(({ hash, seal }) => seal === undefined && hash === noPreviousSeal)) {
    return false;
  }
  return left.snapshotId !== right.snapshotId;
}

function followsAnother(before: Numbered, after: Numbered): boolean {
  if (after.seal === undefined || before.hash === noPreviousSeal) return false;
  return after.seal.value.previousSeal !== before.hash;
}

/** Nothing, or one finding for the numbers from `first` to `last` that are not void. */
function gapFindings(
  id: string,
  first: number,
  last: number,
  voided: ReadonlySet<number>,
): Finding[] {
  let explained = 0;
  for (const number of voided) if (number >= first && number <= last) explained++;
  const missing = last - first + 1 - explained;
  if (missing <= 0) return [];
  const which = first === last ? `number ${first}` : `${missing} between ${first} and ${last}`;
  return [
    {
      kind: 'missing-snapshot',
      severity: 'error',
      message: `Host ${id} lacks snapshots that nobody has forgotten: ${which}`,
      object: undefined,
      missing,
      gap: { hostId: id, first, last },
    },
  ];
}

function fork(id: string, { seal }: Numbered, what: string): Finding {
  return {
    kind: 'fork',
    severity: 'error',
    message: `Host ${id} ${what}: it was copied or set back, or somebody has its key`,
    object: seal?.name,
  };
}
