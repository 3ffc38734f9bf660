import { access } from 'node:fs/promises';
import path from 'node:path';

import { AppError } from '../../base/errors.ts';
import { failureOf, runProgram } from '../../base/process.ts';
import type { CharmHook } from '../../configuration/charm/charm-hooks.ts';
import { type HookContext, runHook } from '../charm/hooks.ts';
import { JujuTools } from '../charm/juju-tools.ts';
import { givenUnit, ownLauncher } from '../charm/unit-options.ts';
import type { CommandRun } from '../command.ts';
import type { charmHook } from '../definitions/charm.ts';
import type { CommandSession } from '../session.ts';

export const run: CommandRun<typeof charmHook> = async (input, session) => {
  const { environment, signal, output } = session;
  if (!JujuTools.isThere(environment)) {
    throw new AppError('input/usage', 'Hooks are called by Juju', {
      hint: 'Without Juju, "holdfast run-action" does what actions do',
    });
  }
  const { unit, files, root } = givenUnit(input.flags, session);
  const juju = new JujuTools(environment, { signal });
  const { state, message } = await runHook(input.arguments.HOOK as CharmHook, {
    juju,
    files,
    root,
    environment,
    signal,
    checks: checksOf(unit, root, session),
  });
  output.object({ type: 'unit-status', unit, state, message });
  output.note(`${state}: ${message}`);
  return 0;
};

/** The checks of Nagios are written by the command that everybody uses. */
function checksOf(
  unit: string,
  root: string,
  { environment, signal }: CommandSession,
): HookContext['checks'] {
  const monitor = async (...words: readonly string[]): Promise<void> => {
    const result = await runProgram([ownLauncher, 'monitor', ...words, '--directory', root], {
      environment,
      signal,
    });
    const failure = failureOf(result);
    if (failure === undefined) return;
    throw new AppError('process/failed', `Cannot change the checks of Nagios: ${failure}`);
  };
  return {
    install: async (context, servicegroups) =>
      await monitor(
        'nrpe-install',
        '--unit',
        unit,
        '--context',
        context,
        '--servicegroups',
        servicegroups,
      ),
    remove: async () => await monitor('nrpe-remove'),
    areThere: async () =>
      await access(path.join(root, 'etc/nagios/nrpe.d/check_backups.cfg')).then(
        () => true,
        () => false,
      ),
  };
}
