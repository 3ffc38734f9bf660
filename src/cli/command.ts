import type { AppError } from '../base/errors.ts';
import type { Flag, FlagValues } from './flag.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import type { CommandSession } from './session.ts';

/** What a command is called with besides flags, in order. */
export interface Positional<
  Arity extends 'one' | 'optional' | 'many' | 'any' = 'one' | 'optional' | 'many' | 'any',
> {
  /** `many` is one or more, `any` none or more. */
  readonly arity: Arity;
  /** `repository`: a destination that may be left out when `HOLDFAST_REPOSITORY` is set; `destination`: one that may not. */
  readonly kind: 'repository' | 'destination' | 'path' | 'snapshot' | 'text';
  readonly help: string;
  readonly choices?: readonly string[];
}

type Flags = Readonly<Record<string, Flag<unknown>>>;
type Positionals = Readonly<Record<string, Positional>>;

/**
 * What a command is called and takes: data from which parsing, help and completion are made. Defining a command loads none of what
 * it needs to run; `bindings.ts` says where that is.
 */
export interface CommandDefinition {
  /** One word, or two (`key add`). */
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Further paragraphs of its help. */
  readonly description?: readonly string[];
  readonly flags: Flags;
  /** By the name that the help shows, in order. */
  readonly positionals: Positionals;
  /** Command lines, each with what it does. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** A switch with which arguments after `--` are not read but handed over as they are. */
  readonly restFlag?: string;
  /** Positionals that have no meaning with these flags. */
  readonly without?: (flags: Readonly<Record<string, unknown>>) => readonly string[];
  /** Flags that must be there, with the question on the terminal when they are not. */
  readonly needs?: (
    flags: Readonly<Record<string, unknown>>,
  ) => readonly (readonly [flag: string, question: string])[];
  /** What is wrong with the combination of what was given. */
  readonly problem?: (input: LooseInput) => AppError | undefined;
}

/** The input of any command, for what is written in its definition. */
export interface LooseInput {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly arguments: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly rest: readonly string[];
}

/** Keeps the exact type of a definition, from which the type of its input follows. */
export function defineCommand<const Definition extends CommandDefinition>(
  definition: Definition,
): Definition {
  return definition;
}

type ArgumentValues<Given extends Positionals> = {
  readonly [Name in keyof Given]: Given[Name] extends Positional<infer Arity>
    ? Arity extends 'many' | 'any'
      ? readonly string[]
      : Arity extends 'optional'
        ? string | undefined
        : string
    : never;
};

/** What a command is run with. */
export interface CommandInput<Definition extends CommandDefinition> {
  /** By the names of the flags: `input.flags['dry-run']`. */
  readonly flags: FlagValues<Definition['flags']> & GlobalFlagValues;
  /** By the names of the definition: `input.arguments.URL`. */
  readonly arguments: ArgumentValues<Definition['positionals']>;
  /** The flags that were given, in order, those from the environment first: for flags whose order matters. */
  readonly given: readonly GivenFlag[];
  /** What stood after `--`. */
  readonly rest: readonly string[];
}

export interface GivenFlag {
  readonly name: string;
  readonly text: string;
}

/** What `commands/<name>.ts` exports as `run`. Resolves with the exit status. */
export type CommandRun<Definition extends CommandDefinition> = (
  input: CommandInput<Definition>,
  session: CommandSession,
) => Promise<number>;
