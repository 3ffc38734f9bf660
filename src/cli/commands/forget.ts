import { counted } from '../../base/counted.ts';
import { formatCount } from '../../base/size.ts';
import type { RetentionGroup } from '../../model/retention.ts';
import { holdsArchive } from '../archive/holds-archive.ts';
import type { CommandRun } from '../command.ts';
import type { forget } from '../definitions/forget.ts';
import { locateDestination } from '../locate-destination.ts';
import { openLocated } from '../open-destination.ts';
import { operationContext } from '../operation-context.ts';
import type { Output } from '../output/output.ts';
import { pruneRepository } from '../prune-repository.ts';
import { retentionPolicy } from '../retention-policy.ts';
import { snapshotFilter } from '../snapshot-filter.ts';
import { shortId } from '../snapshot-text.ts';
import { tellGroup } from '../tell-retention.ts';

export const run: CommandRun<typeof forget> = async (input, session) => {
  const { flags } = input;
  const { output, timeZone, workingDirectory } = session;
  const dryRun = flags['dry-run'];
  const named = input.arguments.SNAPSHOT;
  const { job, tag } = flags;
  // What is mistyped is told before anything is opened, which would have to be closed.
  const ofJob = job === undefined ? flags : { ...flags, tag: tagsOfJob(tag, job) };
  const filter = snapshotFilter(ofJob, workingDirectory);
  const policy = retentionPolicy(flags);
  const located = await locateDestination(input.arguments.URL, flags, session);
  if (await holdsArchive(located, flags, session)) {
    await using _place = located;
    const { forgetFromArchive } = await import('../archive/forget.ts');
    return await forgetFromArchive(located, input, session);
  }
  const [repository, engine] = await Promise.all([
    openLocated(located, flags, session, { mode: dryRun ? 'read' : 'write' }),
    import('../../engine/forget.ts'),
  ]);
  await using opened = repository;
  const context = operationContext(session);
  const plan = await engine.planForgetting(
    opened.access,
    named.length > 0
      ? { named, timeZone, force: flags.force }
      : { policy, filter, timeZone, force: flags.force },
    context,
  );
  const { groups, forget: going, keep } = plan.retention;
  for (const group of groups) {
    tellGroup(group, named.length > 0, session);
  }
  tellUngrouped(plan, output);
  const without = new Set(plan.removals.map(({ id }) => id));
  if (dryRun) {
    output.object({
      type: 'summary',
      operation: 'forget',
      dryRun,
      forgotten: without.size,
      kept: keep.length,
    });
    output.line(
      `${counted(without.size, 'snapshot')} would be forgotten, ${formatCount(keep.length)} kept`,
    );
    if (flags.prune) await pruneRepository(opened, session, { dryRun, without });
    return 0;
  }
  await engine.forget(opened.access, plan, context);
  if (flags.prune) return await pruneRepository(opened, session, { dryRun });
  if (going.length > 0) output.note('The space is freed by "holdfast prune"');
  return 0;
};

/** With a job in each of the lists of tags, of which a snapshot has to have one. */
const tagsOfJob = (lists: readonly string[], job: string): string[] =>
  lists.length === 0 ? [`job:${job}`] : lists.map((tags) => `${tags},job:${job}`);

/** Unfinished snapshots and those that cannot be read are in no group. */
function tellUngrouped(
  {
    retention,
    removals,
  }: {
    readonly retention: { readonly groups: readonly RetentionGroup[] };
    readonly removals: readonly { readonly id: string }[];
  },
  output: Output,
): void {
  const grouped = new Set(
    retention.groups.flatMap(({ decisions }) => decisions.map(({ snapshot }) => snapshot.id)),
  );
  for (const { id } of removals) {
    if (grouped.has(id)) continue;
    output.object({ type: 'decision', id, keep: false, reasons: [] });
    output.line(`forget  ${shortId(id)}  (unfinished or unreadable)`);
  }
}
