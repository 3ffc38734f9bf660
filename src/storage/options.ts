import { didYouMean } from '../base/did-you-mean.ts';
import { durationMilliseconds, parseDuration } from '../base/duration.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { parseSize } from '../base/size.ts';
import type { OptionsOf, RawValue, StorageOption } from './option-schema.ts';

/** Where the value of an option may come from, strongest first. */
export const optionOrigins = ['url', 'flag', 'environment', 'file', 'default'] as const;

export type OptionOrigin = (typeof optionOrigins)[number];

export type RawOptions = Readonly<Record<string, RawValue | undefined>>;

/** The values that were given, by where they were given; defaults are the schema's own. */
export type OptionSources = Readonly<Partial<Record<Exclude<OptionOrigin, 'default'>, RawOptions>>>;

export interface MergedOption {
  readonly value: RawValue;
  readonly origin: OptionOrigin;
}

/**
 * For each option the value of its strongest origin: the URL wins over the flag, the flag over the environment, the environment over
 * the file, the file over the default. `undefined` is no value. Throws `input/usage` when an origin names an option that is not in
 * `schema`.
 */
export function mergeOptions(
  schema: readonly StorageOption[],
  sources: OptionSources,
): ReadonlyMap<string, MergedOption> {
  const defaults = Object.fromEntries(schema.map((option) => [option.name, option.default]));
  const merged = new Map<string, MergedOption>();
  for (const origin of optionOrigins) {
    const given = origin === 'default' ? defaults : sources[origin];
    for (const [name, value] of Object.entries(given ?? {})) {
      if (!schema.some((option) => option.name === name)) throw unknownOption(name, origin, schema);
      if (value !== undefined && !merged.has(name)) merged.set(name, { value, origin });
    }
  }
  return merged;
}

/** Checks merged values and gives them their types. Throws `input/usage` for one that is missing or cannot be read. */
export function parseOptions<const Schema extends readonly StorageOption[]>(
  schema: Schema,
  merged: ReadonlyMap<string, MergedOption>,
): OptionsOf<Schema> {
  const parsed: Record<string, string | number | boolean | Secret | undefined> = {};
  for (const option of schema) {
    const found = merged.get(option.name);
    if (found === undefined && option.required === true) {
      throw new AppError('input/usage', `The option "${option.name}" is missing (${option.help})`);
    }
    parsed[option.name] = found && parseValue(option, found);
  }
  // Each value was read by the kind from which its type is computed.
  return parsed as OptionsOf<Schema>;
}

function parseValue(
  option: StorageOption,
  { value, origin }: MergedOption,
): string | number | boolean | Secret {
  if (option.kind === 'secret') return value instanceof Secret ? value : new Secret(String(value));
  const text = (value instanceof Secret ? value.reveal() : String(value)).trim();
  try {
    return readers[option.kind](text, option);
  } catch (error) {
    throw new AppError(
      'input/usage',
      `The option "${option.name}" from the ${names[origin]} is wrong: ${messageOf(error)}`,
      {
        cause: error,
        ...(error instanceof AppError && error.hint !== undefined && { hint: error.hint }),
      },
    );
  }
}

const readers: Readonly<
  Record<
    Exclude<StorageOption['kind'], 'secret'>,
    (text: string, option: StorageOption) => string | number | boolean
  >
> = {
  string: (text) => text,
  number(text) {
    const number = Number(text);
    if (text !== '' && Number.isFinite(number)) return number;
    throw new AppError('input/usage', `"${text}" is not a number`);
  },
  boolean(text) {
    if (['true', 'yes', 'on', '1'].includes(text.toLowerCase())) return true;
    if (['false', 'no', 'off', '0'].includes(text.toLowerCase())) return false;
    throw new AppError('input/usage', `"${text}" is neither yes nor no`);
  },
  size: (text) => parseSize(text),
  duration: (text) => durationMilliseconds(parseDuration(text)),
  choice(text, { choices = [] }) {
    if (choices.includes(text)) return text;
    const hint = suggestion(text, choices);
    throw new AppError(
      'input/usage',
      `"${text}" is none of ${choices.join(', ')}`,
      hint === undefined ? {} : { hint },
    );
  },
};

const names: Readonly<Record<OptionOrigin, string>> = {
  url: 'URL',
  flag: 'command line',
  environment: 'environment',
  file: 'configuration file',
  default: 'program',
};

function unknownOption(
  name: string,
  origin: OptionOrigin,
  schema: readonly StorageOption[],
): AppError {
  const known = schema.map((option) => option.name);
  const nearest = suggestion(name, known);
  return new AppError('input/usage', `There is no option "${name}" (from the ${names[origin]})`, {
    hint: `${nearest === undefined ? '' : `${nearest} `}Options here are: ${known.join(', ')}`,
  });
}

function suggestion(text: string, candidates: readonly string[]): string | undefined {
  const nearest = didYouMean(text, candidates);
  return nearest === undefined ? undefined : `Did you mean "${nearest}"?`;
}
