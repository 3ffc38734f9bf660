import { didYouMean } from '../base/did-you-mean.ts';
import { AppError } from '../base/errors.ts';
import type { CommandDefinition, GivenFlag } from './command.ts';
import type { Flag } from './flag.ts';
import { globalFlags } from './global-flags.ts';

/** A command line taken apart; nothing is looked up or checked beyond names. */
export interface ParsedLine {
  /** Absent when there are only flags (`--version`, `--help`). */
  readonly command: CommandDefinition | undefined;
  /** In order; a switch has the text `''` unless it was given one. */
  readonly given: readonly GivenFlag[];
  readonly words: readonly string[];
  /** What stood after `--`; `undefined` without `--`. */
  readonly rest: readonly string[] | undefined;
}

type Flags = Readonly<Record<string, Flag<unknown>>>;

/**
 * Takes a command line apart: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-xyz` for switches, `--` before what is no flag;
 * flags before, between and after words. Throws `input/usage` with a hint for a word that is not known.
 */
export function parseLine(
  argv: readonly string[],
  commands: readonly CommandDefinition[],
): ParsedLine {
  let command: CommandDefinition | undefined;
  let group: string | undefined;
  const given: GivenFlag[] = [];
  const words: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!;
    const flags: Flags = { ...globalFlags, ...command?.flags };
    if (word === '--') {
      if (command === undefined) throw unknownCommand(group ?? '--', group, commands);
      return { command, given, words, rest: argv.slice(index + 1) };
    }
    if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
      const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
      if (flag === undefined) throw unknownFlag(`--${name}`, flags, command);
      if (equals >= 0) given.push({ name, text: word.slice(equals + 1) });
      else if (flag.kind === 'switch' || flag.kind === 'optional') given.push({ name, text: '' });
      else given.push({ name, text: valueAfter(argv, index++, `--${name}`, flag) });
    } else if (word.startsWith('-') && word !== '-') {
      for (let letter = 1; letter < word.length; letter++) {
        const short = word[letter]!;
        const found = Object.entries(flags).find(([, flag]) => flag.short === short);
        if (found === undefined) throw unknownFlag(`-${short}`, flags, command);
        const [name, flag] = found;
        if (flag.kind === 'switch' || flag.kind === 'optional') {
          given.push({ name, text: '' });
          continue;
        }
        const attached = word.slice(letter + 1).replace(/^=/u, '');
        given.push({
          name,
          text: attached === '' ? valueAfter(argv, index++, `-${short}`, flag) : attached,
        });
        break;
      }
    } else if (command === undefined) {
      const name = group === undefined ? word : `${group} ${word}`;
      command = commands.find((candidate) => candidate.name === name);
      if (command !== undefined) continue;
      const isGroup =
        group === undefined && commands.some((candidate) => candidate.name.startsWith(`${word} `));
      if (!isGroup) throw unknownCommand(word, group, commands);
      group = word;
    } else {
      words.push(word);
    }
  }
  const wantsHelp = given.some(({ name }) => name === 'help');
  if (group !== undefined && command === undefined && !wantsHelp)
    throw unknownCommand(undefined, group, commands);
  return { command, given, words, rest: undefined };
}

function valueAfter(
  argv: readonly string[],
  index: number,
  name: string,
  flag: Flag<unknown>,
): string {
  const value = argv[index + 1];
  if (value === undefined) {
    throw new AppError('input/usage', `"${name}" needs a value (${flag.placeholder})`);
  }
  return value;
}

function unknownFlag(word: string, flags: Flags, command: CommandDefinition | undefined): AppError {
  const near = didYouMean(
    word,
    Object.keys(flags).map((name) => `--${name}`),
  );
  const where = command === undefined ? '' : ` ${command.name}`;
  const help = `"holdfast${where} --help" lists the flags`;
  return new AppError(
    'input/usage',
    `There is no flag "${word}"${command === undefined ? ' before a command' : ` of "${command.name}"`}`,
    {
      hint: near === undefined ? help : `Did you mean "${near}"? ${help}`,
    },
  );
}

function unknownCommand(
  word: string | undefined,
  group: string | undefined,
  commands: readonly CommandDefinition[],
): AppError {
  const names = commands.map(({ name }) => name);
  if (group !== undefined) {
    const members = names
      .filter((name) => name.startsWith(`${group} `))
      .map((name) => name.slice(group.length + 1));
    return new AppError(
      'input/usage',
      word === undefined
        ? `"${group}" needs to be told what to do`
        : `There is no command "${group} ${word}"`,
      { hint: `Write one of: ${members.map((name) => `${group} ${name}`).join(', ')}` },
    );
  }
  const near = didYouMean(word ?? '', [...new Set(names.map((name) => name.split(' ')[0]!))]);
  const help = '"holdfast --help" lists the commands';
  return new AppError('input/usage', `There is no command "${word ?? ''}"`, {
    hint: near === undefined ? help : `Did you mean "${near}"? ${help}`,
  });
}
