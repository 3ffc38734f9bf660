import type { Configuration } from '../../model/configuration.ts';
import { openCatalogOf, type ServiceFlagValues } from '../open-catalog.ts';
import { readGivenConfiguration } from '../read-given-configuration.ts';
import type { CommandSession } from '../session.ts';

/** The configuration that the channels are taken from: a file that was named, or that of the catalog. */
export async function readChannels(
  flags: ServiceFlagValues & { readonly config: string | undefined },
  session: CommandSession,
): Promise<{ readonly configuration: Configuration; readonly baseDirectory: string }> {
  if (flags.config !== undefined) return await readGivenConfiguration(flags.config, false, session);
  await using catalog = await openCatalogOf(flags, session);
  const configuration = await catalog.configuration.read({ signal: session.signal });
  return { configuration, baseDirectory: session.workingDirectory };
}
