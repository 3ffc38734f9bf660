import { didYouMean } from '../../base/did-you-mean.ts';
import type { SecretValue } from '../../model/secret-value.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What parts of a configuration are read from: variables, where secret ones came from, and where doubts go. */
export interface EnvironmentReader {
  /** With those that were given by files. */
  readonly environment: Environment;
  /** The files that variables came from, by the names of the variables. */
  readonly files: ReadonlyMap<string, string>;
  /** One sentence without its end for each thing that is allowed but likely a mistake. */
  warn(sentence: string): void;
}

/** A variable as a secret of a configuration: where it is, not what it is. */
export function secretVariable(name: string, { files }: EnvironmentReader): SecretValue {
  const file = files.get(name);
  return file === undefined ? { environment: name } : { file };
}

/** A variable that says something; an empty one does not. */
export function variable(name: string, { environment }: EnvironmentReader): string | undefined {
  const value = environment[name];
  return value === undefined || value.trim() === '' ? undefined : value;
}

/** Quotes around all of a value: they are left over where somebody wrote them into an env file or a list of YAML. */
export function unquoted(text: string): string {
  const trimmed = text.trim();
  return /^(?:"[^"]*"|'[^']*')$/su.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
}

/** `; did you mean "x"?`, or nothing. */
export function nearestOf(word: string, known: readonly string[]): string {
  const nearest = didYouMean(word, known);
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`;
}
