import {
  type ConfigurationFormat,
  configurationText,
  fileContent,
  withoutSecrets,
} from '../../configuration/write-configuration.ts';
import type { CommandRun } from '../command.ts';
import type { configShow } from '../definitions/configuration.ts';
import type { JsonValue } from '../output/output.ts';
import { readGivenConfiguration } from '../read-given-configuration.ts';

export const run: CommandRun<typeof configShow> = async (input, session) => {
  const { flags } = input;
  const { output } = session;
  const given = await readGivenConfiguration(input.arguments.FILE, flags.environment, session);
  const shown = flags['with-secrets'] ? given.configuration : withoutSecrets(given.configuration);
  output.object({ type: 'configuration', configuration: fileContent(shown) as JsonValue });
  output.line(configurationText(shown, (flags.format ?? 'yaml') as ConfigurationFormat).trimEnd());
  return 0;
};
