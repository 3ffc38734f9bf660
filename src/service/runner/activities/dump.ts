import type { BackupJob, DatabaseSource } from '../../../model/job.ts';
import { shownAddress } from '../../../storage/shown-address.ts';
import { problemOfError } from '../../program/own-program.ts';
import type { DestinationAccess } from '../destination-access.ts';
import { flagArguments, snapshotArguments } from '../operation-arguments.ts';
import { runOperation } from '../run-operation.ts';
import type { ActivityEnd, StepContext } from '../step-context.ts';

/** Dumps a database (or all of a server) into the repository: a step, and a snapshot for each database. */
export async function dumpDatabase(
  context: StepContext<BackupJob>,
  access: DestinationAccess,
  database: DatabaseSource,
): Promise<ActivityEnd> {
  const { job, steps, signal } = context;
  let found: Awaited<ReturnType<typeof databaseEnvironment>>;
  try {
    found = await databaseEnvironment(context, database);
  } catch (error) {
    signal.throwIfAborted();
    const name = `dump ${database.name ?? ''}`.trim();
    const step = await steps.begin({ name, kind: 'dump', destination: access.address });
    const problem = problemOfError(error);
    await step.end({ outcome: 'failed', problem });
    return { outcome: 'failed', problem, reason: `${name}: ${problem.message}` };
  }
  const { end } = await runOperation(context, {
    name: `dump ${database.name ?? found.shown}`,
    kind: 'dump',
    access,
    environment: found.environment,
    command: [
      'backup',
      ...snapshotArguments(job),
      ...flagArguments(access.flags),
      ...(context.run.parameters?.['dry-run'] === 'true' ? ['--dry-run'] : []),
    ],
  });
  return end;
}

/** What `holdfast backup` is told about a database, by variables: its address and arguments may hold a password. */
async function databaseEnvironment(
  context: StepContext<BackupJob>,
  database: DatabaseSource,
): Promise<{ readonly environment: Record<string, string | undefined>; readonly shown: string }> {
  const { job, signal } = context;
  const what = `of the database ${database.name === undefined ? '' : `"${database.name}" `}of the job "${job.name}"`;
  const url = (
    await context.secret(database.url, `the URL ${what}`, { signal, masked: 'address' })
  ).reveal();
  const password =
    database.password === undefined
      ? undefined
      : (await context.secret(database.password, `the password ${what}`, { signal })).reveal();
  return {
    shown: shownAddress(url),
    environment: {
      HOLDFAST_DATABASE_SOURCE: url,
      HOLDFAST_DATABASE_PASSWORD: password,
      HOLDFAST_DATABASE_NAME: database.name,
      HOLDFAST_DATABASE_FORMAT: database.format,
      HOLDFAST_DATABASE_GLOBALS:
        database.globals === undefined ? undefined : database.globals ? 'yes' : 'no',
      HOLDFAST_DATABASE_INCLUDE: database.include,
      HOLDFAST_DATABASE_EXCLUDE: database.exclude,
      HOLDFAST_DATABASE_CONTAINER: database.container,
      HOLDFAST_DATABASE_ARGUMENT: database.arguments?.join('\n'),
      HOLDFAST_DATABASE_WAIT: database.wait,
    },
  };
}
