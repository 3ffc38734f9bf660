import { AppError } from '../base/errors.ts';
import type { CommandDefinition } from './command.ts';
import type { Flag } from './flag.ts';
import { globalFlags } from './global-flags.ts';

/** The script that makes a shell complete commands, flags and their values. Throws `input/usage` for another shell. */
export function completionScript(shell: string, commands: readonly CommandDefinition[]): string {
  if (shell === 'bash') return bashScript(commands);
  if (shell === 'zsh') return zshScript(commands);
  if (shell === 'fish') return fishScript(commands);
  throw new AppError('input/usage', `There is no completion for "${shell}"`, {
    hint: 'Write bash, zsh or fish',
  });
}

interface Word {
  readonly name: string;
  readonly help: string;
}

const flagsOf = (command: CommandDefinition): [string, Flag<unknown>][] =>
  Object.entries({ ...command.flags, ...globalFlags });

/** The words that may come first, and the second words of groups (`key add`). */
function commandWords(commands: readonly CommandDefinition[]): {
  first: Word[];
  groups: Map<string, Word[]>;
} {
  const first: Word[] = [];
  const groups = new Map<string, Word[]>();
  for (const { name, summary } of commands) {
    const [word = '', member] = name.split(' ');
    if (member === undefined) {
      first.push({ name: word, help: summary });
      continue;
    }
    if (!groups.has(word)) {
      groups.set(word, []);
      first.push({ name: word, help: 'List, add, change and remove keys' });
    }
    groups.get(word)!.push({ name: member, help: summary });
  }
  return { first, groups };
}

/** Every flag that is followed by a value, by what completes the value. */
function valueFlags(command: CommandDefinition): { name: string; flag: Flag<unknown> }[] {
  return flagsOf(command)
    .filter(([, { kind }]) => kind === 'value' || kind === 'list')
    .flatMap(([name, flag]) => [
      { name: `--${name}`, flag },
      ...(flag.short === undefined ? [] : [{ name: `-${flag.short}`, flag }]),
    ]);
}

function argumentWords(command: CommandDefinition): readonly string[] {
  return Object.values(command.positionals).flatMap(({ choices = [] }) => choices);
}

/** For bash and zsh: finds the command among the words before the cursor, skipping flags. */
function findCommand(
  groups: ReadonlyMap<string, readonly Word[]>,
  words: string,
  start: number,
  end: string,
): string {
  const names = [...groups.keys()].join('|') || '""';
  return `  local command="" word index
  for ((index = ${start}; index < ${end}; index++)); do
    word="\${${words}[index]}"
    case "$word" in
      -*) ;;
      *)
        if [ -z "$command" ]; then command="$word"
        else case "$command" in ${names}) command="$command $word"; break ;; *) break ;; esac
        fi ;;
    esac
  done`;
}

function bashScript(commands: readonly CommandDefinition[]): string {
  const { first, groups } = commandWords(commands);
  const cases = commands.map((command) => {
    const values = valueFlags(command).map(({ name, flag }) => {
      if (flag.choices !== undefined)
        return `        ${name}) COMPREPLY=($(compgen -W "${flag.choices.join(' ')}" -- "$current")); return ;;`;
      const action = {
        file: 'COMPREPLY=($(compgen -f -- "$current")); ',
        directory: 'COMPREPLY=($(compgen -d -- "$current")); ',
        none: '',
      };
      return `        ${name}) ${action[flag.complete]}return ;;`;
    });
    const flags = flagsOf(command).map(([name]) => `--${name}`);
    const words = argumentWords(command);
    return `    "${command.name}")
      case "$previous" in
${values.join('\n')}
      esac
      if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "${flags.join(' ')}" -- "$current"))
      else ${words.length > 0 ? `COMPREPLY=($(compgen -W "${words.join(' ')}" -- "$current"))` : 'COMPREPLY=($(compgen -f -- "$current"))'}
      fi ;;`;
  });
  const groupCases = [...groups].map(
    ([group, members]) =>
      `    "${group}") COMPREPLY=($(compgen -W "${members.map(({ name }) => name).join(' ')}" -- "$current")) ;;`,
  );
  return `# bash completion for holdfast
_holdfast() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
${findCommand(groups, 'COMP_WORDS', 1, 'COMP_CWORD')}
  case "$command" in
    "")
      if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "${Object.keys(globalFlags)
        .map((name) => `--${name}`)
        .join(' ')}" -- "$current"))
      else COMPREPLY=($(compgen -W "${first.map(({ name }) => name).join(' ')}" -- "$current"))
      fi ;;
${groupCases.join('\n')}
${cases.join('\n')}
  esac
}
complete -o filenames -o bashdefault -F _holdfast holdfast`;
}

/** Text between single quotes of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** An item of zsh's `_describe`: colons in the word are escaped. */
const described = ({ name, help }: Word): string =>
  quoted(`${name.replaceAll(':', '\\:')}:${help}`);

function zshScript(commands: readonly CommandDefinition[]): string {
  const { first, groups } = commandWords(commands);
  const globals = Object.entries(globalFlags).map(([name, { help }]) => ({
    name: `--${name}`,
    help,
  }));
  const cases = commands.map((command) => {
    const values = valueFlags(command).map(({ name, flag }) => {
      if (flag.choices !== undefined)
        return `        ${name}) compadd -- ${flag.choices.join(' ')}; return ;;`;
      const action = { file: '_files; ', directory: '_files -/; ', none: '' };
      return `        ${name}) ${action[flag.complete]}return ;;`;
    });
    const flags = flagsOf(command).map(([name, { help }]) => ({ name: `--${name}`, help }));
    const words = argumentWords(command);
    return `    ${quoted(command.name)})
      case "$previous" in
${values.join('\n')}
      esac
      if [[ "$current" == -* ]]; then
        items=(${flags.map(described).join(' ')})
        _describe -o flag items
      else ${words.length > 0 ? `compadd -- ${words.join(' ')}` : '_files'}
      fi ;;`;
  });
  const groupCases = [...groups].map(
    ([group, members]) =>
      `    ${quoted(group)}) items=(${members.map(described).join(' ')}); _describe command items ;;`,
  );
  return `#compdef holdfast
# zsh completion for holdfast
_holdfast() {
  local current="$words[CURRENT]" previous="$words[CURRENT-1]"
  local -a items
${findCommand(groups, 'words', 2, 'CURRENT')}
  case "$command" in
    '')
      if [[ "$current" == -* ]]; then
        items=(${globals.map(described).join(' ')})
        _describe -o flag items
      else
        items=(${first.map(described).join(' ')})
        _describe command items
      fi ;;
${groupCases.join('\n')}
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = "_holdfast" ]; then _holdfast "$@"; else compdef _holdfast holdfast; fi`;
}

/** Text between single quotes of fish, which knows two escapes there. */
const fishQuoted = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fishFlag(name: string, flag: Flag<unknown>, condition: string): string {
  const parts = [`complete -c holdfast -n ${fishQuoted(condition)} -l ${name}`];
  if (flag.short !== undefined) parts.push(`-s ${flag.short}`);
  if (flag.kind === 'value' || flag.kind === 'list') {
    parts.push(flag.complete === 'none' ? '-x' : '-r');
    if (flag.complete === 'file') parts.push('-F');
    if (flag.complete === 'directory') parts.push("-a '(__fish_complete_directories)'");
    if (flag.choices !== undefined) parts.push(`-a ${fishQuoted(flag.choices.join(' '))}`);
  }
  return `${parts.join(' ')} -d ${fishQuoted(flag.help)}`;
}

function fishScript(commands: readonly CommandDefinition[]): string {
  const { first, groups } = commandWords(commands);
  const lines = [
    '# fish completion for holdfast',
    'complete -c holdfast -n __fish_use_subcommand -f',
  ];
  for (const { name, help } of first) {
    lines.push(`complete -c holdfast -n __fish_use_subcommand -a ${name} -d ${fishQuoted(help)}`);
  }
  for (const [group, members] of groups) {
    const names = members.map(({ name }) => name).join(' ');
    for (const { name, help } of members) {
      const condition = `__fish_seen_subcommand_from ${group}; and not __fish_seen_subcommand_from ${names}`;
      lines.push(
        `complete -c holdfast -n ${fishQuoted(condition)} -f -a ${name} -d ${fishQuoted(help)}`,
      );
    }
  }
  for (const [name, flag] of Object.entries(globalFlags)) lines.push(fishFlag(name, flag, 'true'));
  for (const command of commands) {
    const condition = command.name
      .split(' ')
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join('; and ');
    for (const [name, flag] of Object.entries(command.flags))
      lines.push(fishFlag(name, flag, condition));
    const words = argumentWords(command);
    if (words.length > 0)
      lines.push(
        `complete -c holdfast -n ${fishQuoted(condition)} -f -a ${fishQuoted(words.join(' '))}`,
      );
  }
  return lines.join('\n');
}
