import type { CommandDefinition, Positional } from './command.ts';
import type { Flag } from './flag.ts';
import { globalFlags } from './global-flags.ts';

type Flags = Readonly<Record<string, Flag<unknown>>>;

const imageRow: [string, string] = [
  'image',
  'Do what a job container does with SRC, DST and OPTIONS (image --help)',
];
const duplicityRow: [string, string] = [
  'duplicity',
  'Do what the program of that name does, with its actions and options (duplicity --help)',
];

/** What `holdfast --help` prints; with `group` (`key`), only the commands that begin with that word. */
export function overview(
  commands: readonly CommandDefinition[],
  width: number,
  group?: string,
): string {
  const shown =
    group === undefined ? commands : commands.filter(({ name }) => name.startsWith(`${group} `));
  return [
    `Usage: holdfast ${group ?? ''}${group === undefined ? '' : ' '}COMMAND …`,
    '',
    ...(group === undefined ? ['Encrypted, deduplicated, verified backups.', ''] : []),
    'Commands:',
    ...listing(
      [
        ...(group === undefined ? commandRows(shown) : shown.map(rowOf)),
        // It has a command line of its own, and is in no table.
        ...(group === undefined ? [duplicityRow, imageRow] : []),
      ],
      width,
    ),
    '',
    'Flags of every command (also as HOLDFAST_<FLAG> in the environment):',
    ...listing(flagRows(globalFlags), width),
    '',
    'Environment:',
    ...listing(
      [
        ['HOLDFAST_REPOSITORY', 'The repository, when URL is left out'],
        [
          'HOLDFAST_PASSPHRASE',
          'The passphrase; …_FILE: a file with it; …_COMMAND: a command that prints it',
        ],
        ['HOLDFAST_STATE_DIR', 'Where the keys of this machine are kept'],
        ['HOLDFAST_CACHE_DIR', 'Where the cache is kept'],
        ['NO_COLOR', 'Set to anything: no colours'],
      ],
      width,
    ),
    '',
    'Exit status:',
    ...wrap(
      '0 done; 1 failed; 2 usage; 3 done, but some files could not be read; 10 no repository; 11 locked; 12 wrong passphrase; ' +
        '13 damaged; 75 left out on purpose; 130 interrupted',
      width,
      2,
    ),
    '',
    'Examples:',
    '  holdfast backup ~/Documents /mnt/disk/documents',
    '  holdfast snapshots /mnt/disk/documents',
    '  holdfast restore /mnt/disk/documents --target ~/restored',
    '',
    '"holdfast COMMAND --help" tells more about a command, "holdfast job --help" about all that begin so.',
  ].join('\n');
}

/** What commands that begin with the same word are about. */
export const groupTitles: Readonly<Record<string, string>> = {
  catalog: 'Where jobs and runs are kept',
  charm: 'The Juju charm',
  config: 'The configuration file',
  cron: 'A file for cron that runs jobs',
  destination: 'Kinds of storage, and whether one works',
  job: 'Jobs and their runs',
  key: 'What opens a repository',
  monitor: 'How jobs stand, for people, Nagios and Prometheus',
  notify: 'Channels that tell you, and what waits to be told',
  schedule: 'When jobs run',
  systemd: 'Services and timers that run jobs',
  task: 'Tasks of the environment',
};

const rowOf = ({ name, summary }: CommandDefinition): [string, string] => [name, summary];

/** A row for each command, and one for all that begin with the same word. */
function commandRows(commands: readonly CommandDefinition[]): [string, string][] {
  const groups = Map.groupBy(commands, ({ name }) => name.split(' ')[0]!);
  return [...groups].map(([word, members]) => {
    const [only] = members;
    if (members.length === 1 && only !== undefined) return rowOf(only);
    const names = members.map(({ name }) => name.slice(word.length + 1)).join(', ');
    const title = groupTitles[word];
    return [`${word} …`, title === undefined ? names : `${title}: ${names}`];
  });
}

/** What `holdfast COMMAND --help` prints. */
export function commandHelp(command: CommandDefinition, width: number): string {
  const positionals = Object.entries(command.positionals);
  const own = Object.entries(command.flags);
  const lines = [
    `Usage: ${usageLine(command)}`,
    '',
    ...wrap(`${command.summary}.`, width, 0),
    ...(command.description ?? []).flatMap((paragraph) => ['', ...wrap(paragraph, width, 0)]),
  ];
  if (positionals.length > 0) {
    lines.push(
      '',
      'Arguments:',
      ...listing(
        positionals.map(([name, { help }]) => [name, help]),
        width,
      ),
    );
  }
  if (own.length > 0) lines.push('', 'Flags:', ...listing(flagRows(command.flags), width));
  lines.push(
    '',
    'Flags of every command:',
    ...listing(flagRows(globalFlags), width),
    '',
    'Examples:',
  );
  for (const [line, meaning] of command.examples)
    lines.push(...wrap(`# ${meaning}`, width, 2), `  ${line}`);
  return lines.join('\n');
}

/** `holdfast backup [flags] SOURCE… [URL]`. */
export function usageLine(command: CommandDefinition): string {
  const words = Object.entries(command.positionals).map(([name, positional]) =>
    usageWord(name, positional),
  );
  const rest = command.restFlag === undefined ? [] : ['[-- COMMAND…]'];
  return ['holdfast', command.name, '[flags]', ...words, ...rest].join(' ');
}

function usageWord(name: string, { arity, kind }: Positional): string {
  const shown = arity === 'many' || arity === 'any' ? `${name}…` : name;
  return arity === 'optional' || arity === 'any' || kind === 'repository' ? `[${shown}]` : shown;
}

function flagRows(flags: Flags): [string, string][] {
  return Object.entries(flags).map(([name, flag]) => {
    const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
    const choices = flag.choices === undefined ? '' : ` (${flag.choices.join(', ')})`;
    return [`${short}--${name}${valueText(flag)}`, flag.help + choices];
  });
}

function valueText({ kind, placeholder }: Flag<unknown>): string {
  if (kind === 'switch') return '';
  return kind === 'optional' ? `[=${placeholder}]` : ` ${placeholder}`;
}

/** Two columns; a first one that is too wide has a line of its own. */
function listing(rows: readonly (readonly [string, string])[], width: number): string[] {
  const first = Math.min(30, Math.max(...rows.map(([left]) => left.length)));
  return rows.flatMap(([left, right]) => {
    const [head = '', ...tail] = wrap(right, width, first + 4);
    const text = head.trimStart();
    const start =
      left.length > first
        ? [`  ${left}`, `${' '.repeat(first + 4)}${text}`]
        : [`  ${left.padEnd(first)}  ${text}`];
    return [...start, ...tail];
  });
}

/** Breaks a text into lines of at most `width` characters, each after so many blanks. */
function wrap(text: string, width: number, indent: number): string[] {
  const room = Math.max(20, Math.min(width, 100) - indent);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((one) => ' '.repeat(indent) + one);
}
