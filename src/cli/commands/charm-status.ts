import { charmStatus } from '../../configuration/charm/charm-status.ts';
import { givenUnit } from '../charm/unit-options.ts';
import type { CommandRun } from '../command.ts';
import type { charmStatusCommand } from '../definitions/charm.ts';

export const run: CommandRun<typeof charmStatusCommand> = async ({ flags }, session) => {
  const { unit, options } = givenUnit(flags, session);
  const { state, message } = charmStatus(await options());
  session.output.object({ type: 'unit-status', unit, state, message });
  session.output.line(`${state}: ${message}`);
  return state === 'active' ? 0 : 1;
};
