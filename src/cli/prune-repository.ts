import { counted } from '../base/counted.ts';
import { formatCount, formatSize } from '../base/size.ts';
import type { NativeRepository } from '../repository/native/native-repository.ts';
import type { PruneFigures, PrunePlan } from '../repository/native/collector/prune-plan.ts';
import { operationContext } from './operation-context.ts';
import type { Output } from './output/output.ts';
import type { CommandSession } from './session.ts';

export interface PruneChoices {
  readonly dryRun: boolean;
  readonly maxRepack?: { readonly bytes: number } | { readonly percent: number } | undefined;
  /** Snapshots to plan without: those that a dry run of `forget` would forget. */
  readonly without?: ReadonlySet<string>;
  /** The user says that nobody else prunes. */
  readonly alone?: boolean;
  /** Do not ask whether unfinished snapshots shall be removed: do it. */
  readonly yes?: boolean;
}

/** Plans a prune, shows the plan, and carries it out. Gives the exit status. */
export async function pruneRepository(
  { access }: NativeRepository,
  session: CommandSession,
  { dryRun, maxRepack, without, alone = false, yes = false }: PruneChoices,
): Promise<number> {
  const { output } = session;
  const engine = await import('../engine/prune.ts');
  const context = operationContext(session);
  const plan = await engine.planPrune(
    access,
    { maxRepack, ...(without !== undefined && { without }) },
    context,
  );
  tellPlan(plan, output);
  if (dryRun) {
    output.line('Nothing was changed: this was a dry run');
    return 0;
  }
  const removeAbandoned = await mayRemoveAbandoned(plan, yes, session);
  await engine.prune(access, plan, { alone, removeAbandoned }, context);
  return 0;
}

async function mayRemoveAbandoned(
  { abandoned }: PrunePlan,
  yes: boolean,
  session: CommandSession,
): Promise<boolean> {
  if (abandoned.length === 0) return false;
  const count = abandoned.length;
  if (yes || session.terminal.interactive) {
    return await session.confirm(
      `Remove ${counted(count, 'unfinished snapshot')} of backups that were never completed?`,
      yes,
    );
  }
  session.output.report({
    type: 'notice',
    message: `${counted(count, 'unfinished snapshot takes', 'unfinished snapshots take')} space, of backups that were never completed; --yes removes such snapshots`,
  });
  return false;
}

const rows = [
  ['Now', 'before'],
  ['Not used at all: deleted', 'delete'],
  ['  of these, left behind by interrupted runs', 'unreferenced'],
  ['Destroyed, and not needed: deleted', 'destroyed'],
  ['Partly used: the used part is stored anew', 'repack'],
  ['Small: joined', 'join'],
  ['Kept for backups that may be running', 'spared'],
  ['Afterwards, about', 'after'],
] as const satisfies readonly (readonly [string, keyof PruneFigures])[];

function tellPlan({ figures, abandoned }: PrunePlan, output: Output): void {
  const { before, after, freed, spared, unreferenced, repack, join, unusedByCopying } = figures;
  output.object({
    type: 'prune-plan',
    before: { ...before },
    delete: { ...figures.delete },
    unreferenced: { ...unreferenced },
    destroyed: { ...figures.destroyed },
    repack: { ...repack },
    join: { ...join },
    spared: { ...spared },
    after: { ...after },
    unusedByCopying,
    unusedByOwner: figures.unusedByOwner,
    freed,
    abandonedSnapshots: abandoned.length,
  });
  const shown = rows.filter(
    ([, name]) => name === 'before' || name === 'after' || figures[name].packs > 0,
  );
  output.table(
    [{ title: '' }, { title: 'Packs', align: 'right' }, { title: 'Size', align: 'right' }],
    shown.map(([title, name]) => [
      title,
      formatCount(figures[name].packs),
      formatSize(figures[name].bytes),
    ]),
  );
}
