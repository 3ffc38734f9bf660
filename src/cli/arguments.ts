import { AppError } from '../base/errors.ts';
import type { CommandDefinition, Positional } from './command.ts';

/** What each positional got; one that is missing has `undefined`, a list may be empty. */
export type AssignedArguments = Record<string, string | readonly string[] | undefined>;

const isUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//iu.test(text);

/** A URL or a path that cannot be taken for a snapshot or a pattern: `s3://…`, `/mnt`, `./x`, `../x`, `~/x`. */
const isLocation = (text: string): boolean =>
  isUrl(text) || /^(?:\/|\.{1,2}(?:\/|$)|~)/u.test(text);

/**
 * Gives the words of a command line to the positionals of a command. With a default repository the URL may be left out: it is when
 * there are too few words for it, or when the words do not read as locations where the URL would stand; after a list of sources only
 * `scheme://…` is taken for the URL then. Throws `input/usage` for too many words; what is missing is left `undefined`.
 */
export function assignArguments(
  command: CommandDefinition,
  words: readonly string[],
  options: {
    readonly without?: readonly string[];
    readonly defaultRepository?: string | undefined;
  } = {},
): AssignedArguments {
  const all = Object.entries(command.positionals);
  const wanted = all.filter(([name]) => options.without?.includes(name) !== true);
  const none: AssignedArguments = Object.fromEntries(
    all.map(([name, { arity }]) => [name, emptyOf(arity)]),
  );
  const repository = wanted.find(([, { kind }]) => kind === 'repository')?.[0];
  if (repository === undefined || options.defaultRepository === undefined) {
    return { ...none, ...distribute(command, wanted, words) };
  }
  const others = wanted.filter(([name]) => name !== repository);
  if (leavesUrlOut(wanted, others, words)) {
    return {
      ...none,
      ...distribute(command, others, words),
      [repository]: options.defaultRepository,
    };
  }
  return { ...none, ...distribute(command, wanted, words) };
}

type Named = readonly (readonly [string, Positional])[];

function leavesUrlOut(wanted: Named, others: Named, words: readonly string[]): boolean {
  const { least, most } = countsOf(others);
  if (words.length <= least) return true;
  if (words.length > most) return false;
  const sourcesFirst = wanted[0]![1].kind === 'path';
  if (sourcesFirst) return !isUrl(words.at(-1)!);
  const locations = wanted.filter(
    ([, { kind }]) => kind === 'repository' || kind === 'destination',
  ).length;
  return words.length < locations || !words.slice(0, locations).every(isLocation);
}

function countsOf(positionals: Named): { least: number; most: number } {
  const least = positionals.filter(([, { arity }]) => arity === 'one' || arity === 'many').length;
  const open = positionals.some(([, { arity }]) => arity === 'many' || arity === 'any');
  return { least, most: open ? Infinity : positionals.length };
}

function emptyOf(arity: Positional['arity']): readonly string[] | undefined {
  return arity === 'many' || arity === 'any' ? [] : undefined;
}

/** Required ones first; what is left over goes to the list, or to optional ones from left to right. */
function distribute(
  command: CommandDefinition,
  positionals: Named,
  words: readonly string[],
): AssignedArguments {
  const { least, most } = countsOf(positionals);
  if (words.length > most) {
    throw new AppError(
      'input/usage',
      `"${words[most]}" is one argument too many for "${command.name}"`,
      {
        hint: `"holdfast ${command.name} --help" shows what it takes`,
      },
    );
  }
  const assigned: AssignedArguments = {};
  let spare = words.length - least;
  let next = 0;
  for (const [name, { arity }] of positionals) {
    if (arity === 'one') {
      assigned[name] = words[next++];
    } else if (arity === 'optional') {
      assigned[name] = spare > 0 ? words[next++] : undefined;
      if (spare > 0) spare--;
    } else {
      const count = (arity === 'many' && next < words.length ? 1 : 0) + Math.max(0, spare);
      assigned[name] = words.slice(next, next + count);
      next += count;
      spare = 0;
    }
  }
  return assigned;
}
