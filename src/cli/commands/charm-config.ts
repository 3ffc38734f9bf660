import { AppError } from '../../base/errors.ts';
import { configurationFromCharm } from '../../configuration/charm/charm-configuration.ts';
import { charmStatus } from '../../configuration/charm/charm-status.ts';
import {
  configurationText,
  fileContent,
  withoutSecrets,
} from '../../configuration/write-configuration.ts';
import { givenUnit } from '../charm/unit-options.ts';
import type { CommandRun } from '../command.ts';
import type { charmConfiguration } from '../definitions/charm.ts';
import type { JsonValue } from '../output/output.ts';

export const run: CommandRun<typeof charmConfiguration> = async ({ flags }, session) => {
  const { unit, options, files } = givenUnit(flags, session);
  const values = await options();
  const { state, message } = charmStatus(values);
  if (state === 'blocked')
    throw new AppError('input/invalid', `The unit "${unit}" is blocked: ${message}`);
  const configuration = configurationFromCharm(values, unit, files.filesFor(values));
  const shown = flags['with-secrets'] ? configuration : withoutSecrets(configuration);
  session.output.object({ type: 'configuration', configuration: fileContent(shown) as JsonValue });
  session.output.line(configurationText(shown, 'yaml').trimEnd());
  return 0;
};
