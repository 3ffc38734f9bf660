import { toHex } from '../../../base/bytes.ts';
import type { BackupJob } from '../../../model/job.ts';
import { combineEnds } from '../combine-ends.ts';
import type { DestinationAccess } from '../destination-access.ts';
import { eachDestination, withAccess } from '../each-destination.ts';
import { flagArguments, parameterArguments } from '../operation-arguments.ts';
import { runOperation } from '../run-operation.ts';
import type { ActivityEnd, StepContext } from '../step-context.ts';
import { archiveFlagsOf } from './retention.ts';

/** Looks for damage at each destination. */
export async function runCheck(context: StepContext<BackupJob>): Promise<ActivityEnd> {
  return combineEnds(
    await eachDestination(
      context,
      async (index) => await withAccess(context, index, (access) => checkAt(context, access)),
    ),
  );
}

async function checkAt(
  context: StepContext<BackupJob>,
  access: DestinationAccess,
): Promise<ActivityEnd> {
  const { job, run, catalog, signal } = context;
  const { destination: _, 'read-data': asked, ...parameters } = run.parameters ?? {};
  const wanted = asked ?? job.check?.readData;
  const parts = /^\d+\/(\d+)$/u.exec(wanted ?? '')?.[1];
  const note = `check-part/${job.name}/${toHex(Buffer.from(access.address))}`;
  const done = parts === undefined ? 0 : Number((await catalog.notes.get(note, { signal })) ?? 0);
  const part = parts === undefined ? 0 : (done % Number(parts)) + 1;
  const portion = parts === undefined || asked !== undefined ? wanted : `${part}/${parts}`;
  const { end } = await runOperation(context, {
    name: 'check',
    kind: 'check',
    access,
    command: [
      'check',
      ...(portion === undefined || portion === 'none'
        ? []
        : [portion === 'all' ? '--read-data' : `--read-data=${portion}`]),
      ...flagArguments(archiveFlagsOf(access)),
      ...parameterArguments(parameters, {}),
    ],
  });
  // One of several equal parts: the next one is due next time, once this one was read.
  if (parts !== undefined && asked === undefined && end.outcome === 'succeeded') {
    await catalog.notes.set(note, String(part));
  }
  return end;
}
