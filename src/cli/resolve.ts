import { AppError } from '../base/errors.ts';
import { assignArguments, type AssignedArguments } from './arguments.ts';
import type { CommandDefinition, GivenFlag, LooseInput } from './command.ts';
import type { CliContext } from './context.ts';
import type { Flag } from './flag.ts';
import { globalFlags } from './global-flags.ts';
import type { ParsedLine } from './parse.ts';
import { ask } from './prompt.ts';

/** The complete input of a command; `LooseInput` with what `CommandInput` has besides. */
export interface ResolvedInput extends LooseInput {
  readonly given: readonly GivenFlag[];
}

/** The variable that stands for a flag: `limit-upload` → `HOLDFAST_LIMIT_UPLOAD`. */
export function variableOf(flag: string): string {
  return `HOLDFAST_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * Turns a parsed line into the input of its command: adds the environment, reads values, hands out words, asks for what is missing if
 * there is a terminal. Throws `input/usage` for what is wrong or missing.
 */
export async function resolveInput(
  command: CommandDefinition,
  line: ParsedLine,
  context: CliContext,
): Promise<ResolvedInput> {
  const definitions = { ...globalFlags, ...command.flags };
  const given = [
    ...flagsFromEnvironment(definitions, line.given, context.environment),
    ...line.given,
  ];
  const flags = readFlags(definitions, given);

  const takesRest = command.restFlag !== undefined && flags[command.restFlag] === true;
  if (!takesRest) refuseCommand(command, line);
  const words = takesRest ? line.words : [...line.words, ...(line.rest ?? [])];
  const rest = takesRest ? (line.rest ?? []) : [];
  const without = command.without?.(flags) ?? [];
  const defaultRepository = context.environment['HOLDFAST_REPOSITORY'] || undefined;
  const assigned = assignArguments(command, words, { without, defaultRepository });
  checkChoices(command, assigned);

  const problem = command.problem?.({ flags, arguments: assigned, rest });
  if (problem !== undefined) throw problem;
  await askForArguments(command, assigned, without, context);
  for (const [name, question] of command.needs?.(flags) ?? []) {
    flags[name] ??= await askFor(question, `"--${name}" is missing`, command, context);
  }
  return { flags, arguments: assigned, given, rest };
}

/** What reads as `WORDS -- COMMAND` without the flag that it takes: the command would become a destination. Words that all stand after `--` are nothing else. */
function refuseCommand({ restFlag }: CommandDefinition, { words, rest = [] }: ParsedLine): void {
  if (restFlag === undefined || words.length === 0 || rest.length === 0) return;
  throw new AppError(
    'input/usage',
    `"${rest[0]}" stands after "--", which is for a command, but "--${restFlag}" is missing`,
    {
      hint: `Add "--${restFlag}" before "--", or leave "--" out; a name that begins with "-" can be written as "./-name"`,
    },
  );
}

/** Flags that were not given but stand in the environment. A list has one value a line; a switch that is off is not given. */
function flagsFromEnvironment(
  definitions: Readonly<Record<string, Flag<unknown>>>,
  given: readonly GivenFlag[],
  environment: CliContext['environment'],
): GivenFlag[] {
  const found: GivenFlag[] = [];
  for (const [name, flag] of Object.entries(definitions)) {
    const text = environment[variableOf(name)];
    if (!flag.environment || text === undefined || text === '') continue;
    if (flag.kind === 'list') {
      for (const part of text.split('\n')) if (part !== '') found.push({ name, text: part });
    } else if (!given.some((other) => other.name === name)) {
      found.push({ name, text });
    }
  }
  return found;
}

function readFlags(
  definitions: Readonly<Record<string, Flag<unknown>>>,
  given: readonly GivenFlag[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(definitions)) {
    const texts = given.filter((one) => one.name === name).map(({ text }) => text);
    values[name] = flag.read(texts, `--${name}`);
  }
  return values;
}

function checkChoices(command: CommandDefinition, assigned: AssignedArguments): void {
  for (const [name, { choices }] of Object.entries(command.positionals)) {
    const value = assigned[name];
    if (choices === undefined || typeof value !== 'string' || choices.includes(value)) continue;
    throw new AppError('input/usage', `${name} is one of ${choices.join(', ')}, not "${value}"`);
  }
}

async function askForArguments(
  command: CommandDefinition,
  assigned: AssignedArguments,
  without: readonly string[],
  context: CliContext,
): Promise<void> {
  for (const [name, { arity, kind }] of Object.entries(command.positionals)) {
    if (without.includes(name) || arity === 'optional' || arity === 'any') continue;
    const value = assigned[name];
    if (value !== undefined && value.length > 0) continue;
    const question = kind === 'repository' ? `Repository (${name})` : name;
    const answer = await askFor(question, `${name} is missing`, command, context);
    assigned[name] = arity === 'many' ? [answer] : answer;
  }
}

async function askFor(
  question: string,
  problem: string,
  command: CommandDefinition,
  context: CliContext,
): Promise<string> {
  const answer = context.terminal.interactive ? await ask(`${question}: `, context) : '';
  if (answer !== '') return answer;
  const repository = problem.startsWith('URL is') ? 'Give it, or set HOLDFAST_REPOSITORY; ' : '';
  throw new AppError('input/usage', `${problem} for "${command.name}"`, {
    hint: `${repository}"holdfast ${command.name} --help" shows examples`,
  });
}
