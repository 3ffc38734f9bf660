import { stringify } from 'yaml';

import { AppError, messageOf } from '../../base/errors.ts';
import {
  type CharmAction,
  charmAction,
  readCharmArguments,
} from '../../configuration/charm/charm-actions.ts';
import { readCharmOptions } from '../../configuration/charm/charm-options.ts';
import { charmStatus } from '../../configuration/charm/charm-status.ts';
import { type ActionContext, type ActionEnd, performAction } from '../charm/action-execution.ts';
import { JujuTools } from '../charm/juju-tools.ts';
import { recordAction } from '../charm/record-action.ts';
import { givenUnit } from '../charm/unit-options.ts';
import type { CommandInput, CommandRun } from '../command.ts';
import type { runAction } from '../definitions/charm.ts';
import { ownProgramSettings } from '../jobs/own-program.ts';
import { publishOnce } from '../jobs/publish-once.ts';
import { runnerContext } from '../jobs/run-here.ts';
import { openCatalogOf } from '../open-catalog.ts';
import { localPlaces } from '../places.ts';
import type { CommandSession } from '../session.ts';

type Input = CommandInput<typeof runAction>;

/** Arguments of a program have a length that the system bounds; Juju takes results as arguments. */
const MOST_FOR_JUJU = 120_000;

export const run: CommandRun<typeof runAction> = async (input, session) => {
  const { environment, signal } = session;
  const juju =
    JujuTools.isThere(environment) && !input.flags.scheduled
      ? new JujuTools(environment, { signal })
      : undefined;
  const action = charmAction(input.arguments.ACTION);
  try {
    const end = await perform(action, input, session, juju);
    return await tell(end, input, session, juju);
  } catch (error) {
    // Juju shows what an action failed with, not what it printed.
    await juju?.failAction(messageOf(error));
    throw error;
  }
};

async function perform(
  action: CharmAction,
  { arguments: words, flags }: Input,
  session: CommandSession,
  juju: JujuTools | undefined,
): Promise<ActionEnd> {
  const fromJuju = juju === undefined ? {} : await juju.actionParameters();
  const given = readCharmArguments(action, { ...textsOf(fromJuju), ...pairs(words['NAME=VALUE']) });
  const { unit, files, options } = givenUnit(flags, session);
  const values = readCharmOptions({ ...(await options()), ...given.overrides });
  const { state, message } = charmStatus(values);
  if (state === 'blocked') {
    if (!flags.scheduled)
      throw new AppError('input/invalid', `The unit "${unit}" is blocked: ${message}`);
    throw new AppError(
      'job/skipped',
      `The unit "${unit}" must be ready to run by a schedule: ${message}`,
    );
  }
  const { stateDirectory } = localPlaces(flags, session);
  const context: ActionContext = {
    action,
    given,
    values,
    unit,
    files: files.filesFor(values),
    program: ownProgramSettings(session, stateDirectory),
  };
  if (action.activity === undefined) return await performAction(context, session.signal);
  await using catalog = await openCatalogOf(flags, session);
  const trigger = flags.scheduled ? 'schedule' : 'action';
  const runner = await runnerContext(catalog, flags, session);
  const end = await recordAction(context, action.activity, trigger, runner, session);
  await publishOnce(catalog, flags, session);
  return end;
}

/** What is printed is the same with and without Juju. */
async function tell(
  end: ActionEnd,
  { flags }: Input,
  { output }: CommandSession,
  juju: JujuTools | undefined,
): Promise<number> {
  const isWell = end.outcome === 'succeeded';
  const result = {
    status: isWell ? 'completed' : 'failed',
    ...(end.problem !== undefined && { message: end.problem.message }),
    results: {
      output: end.output,
      ...(end.exitStatus !== undefined && { 'return-code': String(end.exitStatus) }),
    },
  };
  if (juju !== undefined) {
    await juju.setResults({ output: shortened(end.output) });
    if (!isWell)
      await juju.failAction(shortened(end.problem?.message ?? 'The action was cancelled'));
  }
  output.object({ type: 'action', ...result });
  if (!flags.quiet || !isWell) {
    output.line(
      (flags.format === 'json'
        ? JSON.stringify(result, undefined, 2)
        : stringify(result)
      ).trimEnd(),
    );
  }
  return isWell ? 0 : 1;
}

function pairs(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
      throw new AppError('input/usage', `"${word}" is not of the form NAME=VALUE`);
    }),
  );
}

/** Parameters that nobody gave are `null`. */
function textsOf(parameters: Readonly<Record<string, unknown>>): Record<string, string> {
  const given = Object.entries(parameters).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  return Object.fromEntries(
    given.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

function shortened(text: string): string {
  if (text.length <= MOST_FOR_JUJU) return text;
  const half = MOST_FOR_JUJU / 2;
  return `${text.slice(0, half)}\n… ${text.length - MOST_FOR_JUJU} characters left out …\n${text.slice(-half)}`;
}
