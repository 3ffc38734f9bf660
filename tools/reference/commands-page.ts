import type { CommandDefinition } from '../../src/cli/command.ts';
import type { Flag } from '../../src/cli/flag.ts';
import { globalFlags } from '../../src/cli/global-flags.ts';
import { usageLine } from '../../src/cli/help.ts';
import { markdownTable } from './markdown-table.ts';

type Flags = Readonly<Record<string, Flag<unknown>>>;

/** `docs/reference/commands.md`: what each command is called with. */
export function commandsPage(commands: readonly CommandDefinition[]): string {
  return `${[
    '# Commands',
    'Made from the definitions of the commands by `npm run reference`; `holdfast COMMAND --help` says the same.',
    'A flag may stand before, between and after the other words. What follows `--` is no flag. `HOLDFAST_REPOSITORY` stands for a URL that is left out.',
    commands
      .map(({ name, summary }) => `- [${name}](#holdfast-${name.replaceAll(' ', '-')}): ${summary}`)
      .join('\n'),
    '## Flags of every command',
    flagTable(globalFlags),
    ...commands.flatMap(commandSection),
  ].join('\n\n')}\n`;
}

function commandSection(command: CommandDefinition): string[] {
  const positionals = Object.entries(command.positionals);
  const sections = [`## holdfast ${command.name}`, `${command.summary}.`];
  sections.push(`\`\`\`text\n${usageLine(command)}\n\`\`\``);
  sections.push(
    ...(command.description ?? []).map((paragraph) => paragraph.replaceAll('**', '\\*\\*')),
  );
  if (positionals.length > 0) {
    const rows = positionals.map(([name, { help }]) => [`\`${name}\``, help]);
    sections.push(markdownTable([['argument', 'meaning'], ...rows]));
  }
  if (Object.keys(command.flags).length > 0) sections.push(flagTable(command.flags));
  const lines = command.examples.flatMap(([line, meaning]) => [`# ${meaning}`, line]);
  sections.push(`\`\`\`sh\n${lines.join('\n')}\n\`\`\``);
  return sections;
}

function flagTable(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, flag]) => {
    const short = flag.short === undefined ? '' : `\`-${flag.short}\`, `;
    const choices = flag.choices === undefined ? '' : ` (${flag.choices.join(', ')})`;
    const variable = flag.environment
      ? `\`HOLDFAST_${name.toUpperCase().replaceAll('-', '_')}\``
      : '';
    return [`${short}\`--${name}${valueText(flag)}\``, flag.help + choices, variable];
  });
  return markdownTable([['flag', 'meaning', 'in the environment'], ...rows]);
}

function valueText({ kind, placeholder }: Flag<unknown>): string {
  if (kind === 'switch') return '';
  return kind === 'optional' ? `[=${placeholder}]` : ` ${placeholder}`;
}
