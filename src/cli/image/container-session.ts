import { AppError } from '../../base/errors.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { configurationFromEnvironment } from '../../configuration/environment/configuration-from-environment.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { Job } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';
import { SecretMask } from '../../service/program/mask-secrets.ts';
import { maskEnvironment } from '../../service/tasks/environment-secrets.ts';
import { runToEnd } from '../jobs/run-here.ts';
import { runRecord } from '../jobs/run-text.ts';
import { openCatalogOf, type ServiceFlagValues } from '../open-catalog.ts';
import type { Output } from '../output/output.ts';
import type { CommandSession } from '../session.ts';
import { catalogWithEnvironment } from './environment-catalog.ts';

/** What the commands of a container work with. */
export interface ContainerSession {
  /** That of the environment. */
  readonly configuration: Configuration;
  /** With the environment in which variables that were given by files are there. */
  readonly session: CommandSession;
  /** For what is shown of commands and steps. */
  readonly mask: SecretMask;
}

/** Reads the configuration of the environment, and tells what is doubtful in it. @throws AppError `input/invalid` */
export async function containerSession(given: CommandSession): Promise<ContainerSession> {
  const { signal, output } = given;
  const { configuration, environment, warnings } = await configurationFromEnvironment(
    given.environment,
    { signal },
  );
  for (const warning of warnings) {
    const error = new AppError('input/invalid', warning);
    output.report({ type: 'problem', severity: 'warning', error });
  }
  const mask = new SecretMask();
  maskEnvironment(mask, environment);
  return { configuration, session: { ...given, environment }, mask };
}

/** The catalog, with the configuration of the environment over what it holds. */
export async function openContainerCatalog(
  { configuration, session }: ContainerSession,
  flags: ServiceFlagValues,
): Promise<Catalog> {
  return catalogWithEnvironment(await openCatalogOf(flags, session), configuration);
}

/**
 * Runs a task or commands as a run of the catalog, and gives how it ended. What they print goes to standard output as it is, with nothing of ours in between.
 *
 * @throws signal.reason when cancelled before it has begun
 */
export async function runInContainer(
  job: Job,
  parameters: Readonly<Record<string, string>>,
  catalog: Catalog,
  flags: ServiceFlagValues,
  session: CommandSession,
): Promise<Run> {
  const activity = job.kind === 'commands' ? 'commands' : 'task';
  const { output } = session;
  const over = await runToEnd({ job, activity, parameters }, catalog, flags, {
    ...session,
    output: output.json ? output : onlyNotes(output),
  });
  output.object(runRecord(over));
  return over;
}

function onlyNotes(output: Output): Output {
  return {
    json: false,
    get closed() {
      return output.closed;
    },
    report: () => undefined,
    object: () => undefined,
    line: () => undefined,
    note: (text) => output.note(text),
    table: () => undefined,
    pause: () => output.pause(),
    flush: () => output.flush(),
    close: () => output.close(),
  };
}

/** The exit status for how a run ended: 0, 1, 75 for one that was skipped, 130 for one that was cancelled. */
export function containerExitStatus({ state, problem }: Run): number {
  switch (state) {
    case 'succeeded':
    case 'warned':
      return 0;
    case 'skipped':
      return 75;
    case 'cancelled':
      return 130;
    default:
      return problem?.code === 'job/busy' ? 11 : 1;
  }
}
