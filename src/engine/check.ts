import { counted } from '../base/counted.ts';
import { AppError } from '../base/errors.ts';
import { type Portion } from '../base/size.ts';
import { noCounters, type SummaryEvent } from '../model/event.ts';
import type { Access } from '../repository/native/access.ts';
import { checkRepository } from '../repository/native/check/check-repository.ts';
import type { CheckResult } from '../repository/native/check/check-result.ts';
import {
  carryOutRepairs,
  planRepairs,
  type RepairPlan,
} from '../repository/native/check/repair.ts';
import type { OperationContext } from './operation.ts';

export interface CheckInput {
  /** How much content is read; undefined: none, only the structure is checked. */
  readonly readData?: Portion | 'all' | undefined;
  /** The largest sequence number this machine ever saw, by host. */
  readonly remembered?: ReadonlyMap<string, number> | undefined;
  /** Packs that an earlier check found damaged, by name: they are read whole in any case. */
  readonly suspects?: ReadonlySet<string> | undefined;
  /** Threads; all cores if it is not given. */
  readonly workers?: number | undefined;
}

/** Looks for damage; changes nothing. Every finding is reported as a problem as well. `damageOf` turns a bad result into the error of the command. */
export async function check(
  access: Access,
  input: CheckInput,
  { clock, signal, report }: OperationContext,
): Promise<CheckResult> {
  const started = clock.monotonic();
  let done = { files: 0, bytes: 0, bytesRead: 0 };
  const result = await checkRepository(access, {
    ...input,
    signal,
    onPhase: (phase) => report({ type: 'phase', phase }),
    onTotal: (files, bytes) => report({ type: 'total', files, bytes, final: true }),
    onPack: (bytes) => {
      done = {
        files: done.files + 1,
        bytes: done.bytes + bytes,
        bytesRead: done.bytesRead + bytes,
      };
      report({ type: 'progress', ...noCounters, ...done });
    },
  });
  for (const { severity, message, object } of result.findings) {
    const error = new AppError('repository/damaged', message, {
      details: object === undefined ? {} : { object },
    });
    report({ type: 'problem', severity, error });
  }
  report({
    type: 'summary',
    operation: 'check',
    ...noCounters,
    ...done,
    errors: result.findings.filter(({ severity }) => severity === 'error').length,
    dryRun: false,
    milliseconds: clock.monotonic() - started,
    details: {
      snapshots: result.snapshots,
      packs: result.packs,
      packsRead: result.packsRead,
      findings: result.findings.length,
      affectedSnapshots: result.affected.length,
      unreadableSnapshots: result.unreadable,
      missingSnapshots: result.gone,
    },
  });
  return result;
}

/** The error (exit status 13) of a check that found damage; undefined if all is well. */
export function damageOf(result: CheckResult): AppError | undefined {
  const { damaged, findings } = result;
  if (!damaged) return undefined;
  const errors = findings.filter(({ severity }) => severity === 'error');
  const canRepair = errors.some(({ repairable }) => repairable);
  return new AppError(
    'repository/damaged',
    `The repository is damaged: ${counted(errors.length, 'finding')}, ${losses(result)}`,
    canRepair ? { hint: 'See what "holdfast check --repair" can do' } : {},
  );
}

function losses({ affected, unreadable, gone }: CheckResult): string {
  const parts = [
    affected.length > 0 &&
      `${counted(affected.length, 'snapshot has', 'snapshots have')} lost content`,
    unreadable > 0 && `${counted(unreadable, 'snapshot')} cannot be read`,
    gone > 0 && `${counted(gone, 'snapshot is', 'snapshots are')} gone`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? 'no snapshot has lost anything' : parts.join(', ');
}

/** What a repair would do about the findings of a check. */
export function planRepair(result: CheckResult): RepairPlan {
  return planRepairs(result);
}

/** Carries a repair out, as far as everything still is as the plan says. It never deletes or changes a pack, or a snapshot that is there. */
export async function repair(
  access: Access,
  plan: RepairPlan,
  { clock, signal, report }: OperationContext,
): Promise<SummaryEvent> {
  if (access.keys.role !== 'owner') {
    throw new AppError('repository/not-permitted', 'Only an owner can repair a repository', {
      hint: 'Use the passphrase of an owner',
    });
  }
  const started = clock.monotonic();
  report({ type: 'phase', phase: 'repairing' });
  const steps = await carryOutRepairs(access, plan, { signal });
  const summary: SummaryEvent = {
    type: 'summary',
    operation: 'repair',
    ...noCounters,
    files: steps.reduce((sum, { count }) => sum + count, 0),
    dryRun: false,
    milliseconds: clock.monotonic() - started,
    details: Object.fromEntries(steps.map(({ kind, count }) => [kind, count])),
  };
  report(summary);
  return summary;
}
