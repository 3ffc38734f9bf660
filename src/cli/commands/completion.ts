import type { CommandRun } from '../command.ts';
import { commandTable } from '../command-table.ts';
import { completionScript } from '../completion.ts';
import type { completion } from '../definitions/repository.ts';

export const run: CommandRun<typeof completion> = async (input, { output }) => {
  const shell = input.arguments.SHELL;
  const script = completionScript(shell, commandTable);
  output.line(script);
  output.object({ type: 'completion', shell, script });
  return 0;
};
