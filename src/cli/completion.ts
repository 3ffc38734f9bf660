import { AppError } from '../base/errors.ts';
import type { CommandDefinition } from './command.ts';
import type { Flag } from './flag.ts';
import { globalFlags } from './global-flags.ts';
import { groupTitles } from './help.ts';

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
      first.push({ name: word, help: groupTitles[word] ?? '' });
    }
    groups.get(word)!.push({ name: member, help: summary });
  }
  return { first, groups };
}

/** Every flag that is followed by a value, by what completes the value. */
function valueFlags(
  flags: readonly (readonly [string, Flag<unknown>])[],
): { name: string; flag: Flag<unknown> }[] {
  return flags
    .filter(([, { kind }]) => kind === 'value' || kind === 'list')
    .flatMap(([name, flag]) => [
      { name: `--${name}`, flag },
      ...(flag.short === undefined ? [] : [{ name: `-${flag.short}`, flag }]),
    ]);
}

function argumentWords(command: CommandDefinition): readonly string[] {
  return Object.values(command.positionals).flatMap(({ choices = [] }) => choices);
}

/** What may stand before a command and is followed by a value. */
const globalValues = (): string[] =>
  valueFlags(Object.entries(globalFlags)).map(({ name }) => name);

/** For bash and zsh: finds the command among the words before the cursor, skipping "help", flags and their values. Bash makes a word of each "=". */
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
      ${globalValues().join('|')}) [ "\${${words}[index+1]}" = "=" ] || ((index++)) ;;
      =) ((index++)) ;;
      -*) ;;
      help) [ -z "$command" ] || break ;;
      *)
        if [ -z "$command" ]; then command="$word"
        else case "$command" in ${names}) command="$command $word"; break ;; *) break ;; esac
        fi ;;
    esac
  done`;
}

/** Cases of what completes the values of flags, and then nothing else. */
function bashValues(flags: readonly (readonly [string, Flag<unknown>])[]): string {
  const action = {
    file: '_holdfast_paths -f "$current"; ',
    directory: '_holdfast_paths -d "$current"; ',
    none: '',
  };
  return valueFlags(flags)
    .map(({ name, flag }) =>
      flag.choices === undefined
        ? `        ${name}) ${action[flag.complete]}return ;;`
        : `        ${name}) COMPREPLY=($(compgen -W "${flag.choices.join(' ')}" -- "$current")); return ;;`,
    )
    .join('\n');
}

function bashScript(commands: readonly CommandDefinition[]): string {
  const { first, groups } = commandWords(commands);
  const cases = commands.map((command) => {
    const flags = flagsOf(command).map(([name]) => `--${name}`);
    const words = argumentWords(command);
    return `    "${command.name}")
      case "$previous" in
${bashValues(flagsOf(command))}
      esac
      if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "${flags.join(' ')}" -- "$current"))
      else ${words.length > 0 ? `COMPREPLY=($(compgen -W "${words.join(' ')}" -- "$current"))` : '_holdfast_paths -f "$current"'}
      fi ;;`;
  });
  const groupCases = [...groups].map(
    ([group, members]) =>
      `    "${group}") COMPREPLY=($(compgen -W "${members.map(({ name }) => name).join(' ')}" -- "$current")) ;;`,
  );
  return `# bash completion for holdfast
# One name a line: they may hold spaces. What is written with quotation marks or backslashes readline knows better.
_holdfast_paths() {
  local name
  compopt -o default 2>/dev/null
  while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen "$1" -- "$2")
}
_holdfast() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  # "--flag=value" comes as three words.
  if [[ "$current" == "=" ]]; then current=""
  elif [[ "$previous" == "=" ]]; then previous="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
${findCommand(groups, 'COMP_WORDS', 1, 'COMP_CWORD')}
  case "$command" in
    "")
      case "$previous" in
${bashValues(Object.entries(globalFlags))}
      esac
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

/** Cases of what completes the values of flags, and then nothing else. */
function zshValues(flags: readonly (readonly [string, Flag<unknown>])[]): string {
  const action = { file: '_files; ', directory: '_files -/; ', none: '' };
  return valueFlags(flags)
    .map(({ name, flag }) =>
      flag.choices === undefined
        ? `        ${name}) ${action[flag.complete]}return ;;`
        : `        ${name}) compadd -- ${flag.choices.join(' ')}; return ;;`,
    )
    .join('\n');
}

function zshScript(commands: readonly CommandDefinition[]): string {
  const { first, groups } = commandWords(commands);
  const globals = Object.entries(globalFlags).map(([name, { help }]) => ({
    name: `--${name}`,
    help,
  }));
  const cases = commands.map((command) => {
    const flags = flagsOf(command).map(([name, { help }]) => ({ name: `--${name}`, help }));
    const words = argumentWords(command);
    return `    ${quoted(command.name)})
      case "$previous" in
${zshValues(flagsOf(command))}
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
  if [[ "$current" == --*=* ]]; then
    previous="\${current%%=*}"
    compset -P '*='
  fi
${findCommand(groups, 'words', 2, 'CURRENT')}
  case "$command" in
    '')
      case "$previous" in
${zshValues(Object.entries(globalFlags))}
      esac
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
    parts.push(flag.complete === 'file' ? '-r -F' : '-x');
    if (flag.complete === 'directory') parts.push("-a '(__fish_complete_directories)'");
    if (flag.choices !== undefined) parts.push(`-a ${fishQuoted(flag.choices.join(' '))}`);
  }
  return `${parts.join(' ')} -d ${fishQuoted(flag.help)}`;
}

/** Finds the command among the words before the cursor, skipping "help", flags and their values. */
const fishFunctions = (groups: readonly string[]): string => `# fish completion for holdfast
function __holdfast_is
  set -l command
  set -l is_value 0
  for word in (commandline -poc)[2..-1]
    if test $is_value = 1
      set is_value 0
      continue
    end
    switch $word
      case ${globalValues().join(' ')}
        set is_value 1
      case '-*'
      case '*'
        if test -n "$command"
          contains -- $command ${groups.join(' ')}; and set command "$command $word"
          break
        end
        test $word = help; or set command $word
    end
  end
  test "$command" = "$argv"
end`;

function fishScript(commands: readonly CommandDefinition[]): string {
  const { first, groups } = commandWords(commands);
  const isAt = (command: string): string => `__holdfast_is ${fishQuoted(command)}`;
  const offer = (condition: string, { name, help }: Word): string =>
    `complete -c holdfast -n ${fishQuoted(condition)} -f -a ${name} -d ${fishQuoted(help)}`;
  const lines = [fishFunctions([...groups.keys()])];
  for (const word of first) lines.push(offer(isAt(''), word));
  for (const [group, members] of groups)
    for (const member of members) lines.push(offer(isAt(group), member));
  for (const [name, flag] of Object.entries(globalFlags)) lines.push(fishFlag(name, flag, 'true'));
  for (const command of commands) {
    const condition = isAt(command.name);
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
