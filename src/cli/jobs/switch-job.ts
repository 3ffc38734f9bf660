import { openCatalogOf, type ServiceFlagValues } from '../open-catalog.ts';
import type { CommandSession } from '../session.ts';
import { findOwnJob, OWN_ORIGIN } from './find-in-catalog.ts';

/** Lets a job run by its schedule, or not. */
export async function switchJob(
  name: string,
  enabled: boolean,
  flags: ServiceFlagValues,
  session: CommandSession,
): Promise<number> {
  const { output, signal } = session;
  await using catalog = await openCatalogOf(flags, session);
  const { value, revision } = await findOwnJob(catalog, name, { signal });
  const state = enabled ? 'enabled' : 'disabled';
  if ((value.enabled ?? true) === enabled) {
    output.note(`The job "${name}" is ${state} already`);
    return 0;
  }
  await catalog.configuration.jobs.save(
    name,
    { ...value, enabled },
    { revision, origin: OWN_ORIGIN },
  );
  output.object({ type: `job-${state}`, job: name });
  output.line(`The job "${name}" is ${state}`);
  return 0;
}
