import { counted } from '../../base/counted.ts';
import { formatCount } from '../../base/size.ts';
import { holdsArchive } from '../archive/holds-archive.ts';
import type { CommandRun } from '../command.ts';
import type { check } from '../definitions/upkeep.ts';
import { rememberedSequences } from '../load-snapshots.ts';
import { locateDestination } from '../locate-destination.ts';
import { openLocated } from '../open-destination.ts';
import { operationContext } from '../operation-context.ts';
import { displayPath, displayText, pathsFields } from '../output/display-text.ts';
import { shortId, timeText } from '../snapshot-text.ts';
import type { AffectedSnapshot } from '../../repository/native/check/check-result.ts';
import type { CommandSession } from '../session.ts';
import { workerCount } from '../worker-count.ts';

/** So many damaged files of a snapshot are named. */
const NAMED = 20;

export const run: CommandRun<typeof check> = async (input, session) => {
  const { flags } = input;
  const { output } = session;
  const mayWrite = flags.repair && !flags['dry-run'];
  if (flags.repair) {
    const { repairDescription } = await import('../repair-description.ts');
    const choices = { dryRun: flags['dry-run'], yes: flags.yes };
    await repairDescription(input.arguments.URL, flags, session, choices);
  }
  const located = await locateDestination(input.arguments.URL, flags, session);
  if (await holdsArchive(located, flags, session)) {
    await using _place = located;
    const { checkOfArchive } = await import('../archive/check.ts');
    return await checkOfArchive(located, input, session);
  }
  const [repository, engine] = await Promise.all([
    openLocated(located, flags, session, {
      mode: mayWrite ? 'repair' : 'read',
      // The check finds it as well, and says more of it.
      tellsDamage: false,
    }),
    import('../../engine/check.ts'),
  ]);
  await using opened = repository;
  const context = operationContext(session);
  const wanted = flags['read-data'];
  const result = await engine.check(
    opened.access,
    {
      readData: wanted === true ? 'all' : wanted,
      remembered: rememberedSequences(opened),
      suspects: await opened.suspects.recall(),
      workers: workerCount(undefined),
    },
    context,
  );
  await opened.suspects.note(result.damagedPacks);
  for (const affected of result.affected) tellAffected(affected, session);
  const damage = engine.damageOf(result);
  if (!flags.repair) {
    if (damage !== undefined) throw damage;
    return 0;
  }
  const plan = engine.planRepair(result);
  for (const { kind, message, count } of plan.steps) {
    output.object({ type: 'repair', step: kind, message, count });
    output.line(`To repair: ${displayText(message)}`);
  }
  if (plan.steps.length === 0) {
    output.line(damage === undefined ? 'Nothing needs repair' : 'Nothing of this can be repaired');
    if (damage === undefined && wanted === undefined) {
      output.line('The content was not read: with --read-data its damage is found as well');
    }
  } else if (mayWrite && (await session.confirm('Repair this?', flags.yes))) {
    await engine.repair(await opened.beginWriting(session), plan, context);
    output.line('Repaired; run "holdfast check" again to see what is left');
    const isLeft = result.findings.some(
      ({ severity, repairable }) => severity === 'error' && !repairable,
    );
    const isLost = result.affected.length + plan.evidence.missing.length > 0;
    if (!isLeft && !isLost) return 0;
  }
  if (damage !== undefined) throw damage;
  return 0;
};

function tellAffected(
  { id, hostname, time, paths, count }: AffectedSnapshot,
  { output, timeZone }: CommandSession,
): void {
  output.object({ type: 'damaged-snapshot', id, host: hostname, count, ...pathsFields(paths) });
  output.line(
    `Snapshot ${shortId(id)} of ${timeText(time, timeZone)}, host ${displayText(hostname)}, has lost ${counted(count, 'entry')}:`,
  );
  for (const damaged of paths.slice(0, NAMED)) output.line(`  ${displayPath(damaged) || '/'}`);
  if (count > NAMED) output.line(`  and ${formatCount(count - NAMED)} more`);
}
