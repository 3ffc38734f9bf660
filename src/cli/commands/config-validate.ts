import { messageOf } from '../../base/errors.ts';
import {
  ConfigurationError,
  type ConfigurationProblem,
  problemText,
} from '../../configuration/configuration-problem.ts';
import { resolveSecret } from '../../configuration/resolve-secret.ts';
import { secretPlaces } from '../../configuration/secret-places.ts';
import type { CommandRun } from '../command.ts';
import type { configValidate } from '../definitions/configuration.ts';
import { displayText } from '../output/display-text.ts';
import type { Output } from '../output/output.ts';
import { type GivenConfiguration, readGivenConfiguration } from '../read-given-configuration.ts';
import type { CommandSession } from '../session.ts';

export const run: CommandRun<typeof configValidate> = async (input, session) => {
  const { output } = session;
  let given: GivenConfiguration;
  try {
    given = await readGivenConfiguration(input.arguments.FILE, input.flags.environment, session);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const problem of error.problems) tell(output, 'error', problem);
    output.line(`Not valid: ${counted(error.problems.length, 'problem')}`);
    return 2;
  }
  for (const warning of given.warnings) tell(output, 'warning', warning);
  const missing = input.flags.secrets ? await missingSecrets(given, session) : [];
  for (const problem of missing) tell(output, 'error', problem);
  const { jobs, destinations, channels } = given.configuration;
  output.object({
    type: 'validation',
    valid: missing.length === 0,
    from: given.from,
    jobs: jobs.length,
    destinations: Object.keys(destinations).length,
    channels: Object.keys(channels).length,
  });
  if (missing.length > 0) {
    output.line(`Valid, but ${counted(missing.length, 'secret')} cannot be found`);
    return 2;
  }
  output.line(`Valid: ${counted(jobs.length, 'job')} in ${given.from}`);
  return 0;
};

function tell(output: Output, severity: 'error' | 'warning', problem: ConfigurationProblem): void {
  const { path, message, file, line } = problem;
  output.object({ type: 'configuration-problem', severity, path, message, file, line });
  output.line(displayText(`${severity === 'warning' ? 'Warning: ' : ''}${problemText(problem)}`));
}

async function missingSecrets(
  { configuration, baseDirectory }: GivenConfiguration,
  { environment, signal }: CommandSession,
): Promise<ConfigurationProblem[]> {
  const problems: ConfigurationProblem[] = [];
  for (const { path, value } of secretPlaces(configuration)) {
    try {
      await resolveSecret(value, { environment, baseDirectory }, 'the secret', { signal });
    } catch (error) {
      signal.throwIfAborted();
      problems.push({ path, message: messageOf(error) });
    }
  }
  return problems;
}

const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`;
