import { didYouMean } from '../base/did-you-mean.ts';
import { durationMilliseconds, parseDuration } from '../base/duration.ts';
import type { CallOptions } from '../base/call-options.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { parseSize } from '../base/size.ts';
import { checkRefusal } from './foreign-option.ts';
import { IndirectSecret } from './indirect-secret.ts';
import type { OptionsOf, RawValue, StorageOption } from './option-schema.ts';

/** Where the value of an option may come from, strongest first. */
export const optionOrigins = ['url', 'flag', 'environment', 'file', 'default'] as const;

export type OptionOrigin = (typeof optionOrigins)[number];

export type RawOptions = Readonly<Record<string, RawValue | undefined>>;

/** The values that were given, by where they were given; defaults are the schema's own. */
export type OptionSources = Readonly<Partial<Record<Exclude<OptionOrigin, 'default'>, RawOptions>>>;

export interface MergedOption {
  readonly value: RawValue | IndirectSecret;
  readonly origin: OptionOrigin;
}

/**
 * For each option the value of its strongest origin: the URL wins over the flag, the flag over the environment, the environment over
 * the file, the file over the default. `undefined` is no value. An option may be given by one of its aliases, a secret also as
 * `NAME-file` or `NAME-command`. Throws `input/usage` when an origin names an option that is not in `schema`, or one twice.
 */
export function mergeOptions(
  schema: readonly StorageOption[],
  sources: OptionSources,
): ReadonlyMap<string, MergedOption> {
  const defaults = Object.fromEntries(schema.map((option) => [option.name, option.default]));
  const merged = new Map<string, MergedOption>();
  for (const origin of optionOrigins) {
    const given = origin === 'default' ? defaults : sources[origin];
    const named = new Map<string, string>();
    for (const [written, value] of Object.entries(given ?? {})) {
      const meant = meantBy(schema, written);
      if (meant === undefined) throw unknownOption(written, origin, schema);
      if (value === undefined) continue;
      const before = named.get(meant.name);
      if (before !== undefined && !meant.name.endsWith('*')) {
        throw new AppError(
          'input/usage',
          `The options "${before}" and "${written}" (from the ${names[origin]}) say the same thing twice`,
          { hint: 'Leave one of them out' },
        );
      }
      named.set(meant.name, written);
      if (merged.has(meant.name)) continue;
      merged.set(meant.name, {
        value: meant.kept === undefined ? value : new IndirectSecret(meant.kept, plain(value)),
        origin,
      });
    }
  }
  return merged;
}

/** The option with a name that is its own, an alias, or begins as all of them do. */
export function optionCalled(
  schema: readonly StorageOption[],
  written: string,
): StorageOption | undefined {
  return (
    schema.find(({ name }) => name === written) ??
    schema.find(({ aliases }) => aliases?.includes(written)) ??
    schema.find(({ name }) => name.endsWith('*') && written.startsWith(name.slice(0, -1)))
  );
}

/** The option that a name stands for: its own, an alias, or, of a secret, the name of where it is kept. */
function meantBy(
  schema: readonly StorageOption[],
  written: string,
): { readonly name: string; readonly kept?: 'file' | 'command' } | undefined {
  const own = optionCalled(schema, written);
  if (own !== undefined) return { name: own.name };
  const [, secret = '', kept] = /^(.+)-(file|command)$/u.exec(written) ?? [];
  const option = kept === undefined ? undefined : schema.find(({ name }) => name === secret);
  if (option?.kind !== 'secret') return undefined;
  return { name: secret, kept: kept === 'file' ? 'file' : 'command' };
}

/** Fetches the secrets that are kept in files or given by commands. Throws `input/usage` when one cannot be had. */
export async function resolveSecrets(
  merged: ReadonlyMap<string, MergedOption>,
  options: CallOptions = {},
): Promise<ReadonlyMap<string, MergedOption>> {
  const resolved = new Map(merged);
  for (const [name, { value, origin }] of merged) {
    if (!(value instanceof IndirectSecret)) continue;
    resolved.set(name, { value: await value.resolve(name, options), origin });
  }
  return resolved;
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
    if (found !== undefined) checkRefusal(option, parsed[option.name]);
  }
  // Each value was read by the kind from which its type is computed.
  return parsed as OptionsOf<Schema>;
}

function parseValue(
  option: StorageOption,
  { value, origin }: MergedOption,
): string | number | boolean | Secret {
  if (value instanceof IndirectSecret)
    throw new AppError('internal', `The option "${option.name}" was not resolved`);
  if (option.kind === 'secret') return value instanceof Secret ? value : new Secret(String(value));
  const text = plain(value).trim();
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

function plain(value: RawValue): string {
  return value instanceof Secret ? value.reveal() : String(value);
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
    // Other programs write the same words with capitals.
    const chosen = choices.find((choice) => choice.toLowerCase() === text.toLowerCase());
    if (chosen !== undefined) return chosen;
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
  const known = schema.filter(({ foreign }) => foreign === undefined).map((option) => option.name);
  const nearest = suggestion(name, known);
  return new AppError('input/usage', `There is no option "${name}" (from the ${names[origin]})`, {
    hint: `${nearest === undefined ? '' : `${nearest} `}Options here are: ${known.join(', ')}`,
  });
}

function suggestion(text: string, candidates: readonly string[]): string | undefined {
  const nearest = didYouMean(text, candidates);
  return nearest === undefined ? undefined : `Did you mean "${nearest}"?`;
}
