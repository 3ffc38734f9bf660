import { AppError } from '../base/errors.ts';

/** A flag of the command line, or of the environment. `read` turns the texts that were given, in order, into its value. */
export interface Flag<Value> {
  /** `switch` takes no value, `value` one, `list` may be repeated, `optional` may stand without `=value`. */
  readonly kind: 'switch' | 'value' | 'list' | 'optional';
  readonly help: string;
  /** One letter. */
  readonly short: string | undefined;
  /** What the value is called in the help. */
  readonly placeholder: string;
  readonly choices: readonly string[] | undefined;
  readonly complete: 'file' | 'directory' | 'none';
  /** Whether `HOLDFAST_<NAME>` counts when the flag is not given. */
  readonly environment: boolean;
  read(texts: readonly string[], name: string): Value;
}

/** What flags are read into, by their names. */
export type FlagValues<Given extends Readonly<Record<string, Flag<unknown>>>> = {
  readonly [Name in keyof Given]: Given[Name] extends Flag<infer Value> ? Value : never;
};

interface FlagOptions {
  readonly help: string;
  readonly short?: string;
  readonly environment?: boolean;
}

interface ValueOptions<Value> extends FlagOptions {
  readonly placeholder: string;
  readonly choices?: readonly string[];
  readonly complete?: Flag<unknown>['complete'];
  /** Reads one text; what it throws is told with the name of the flag. */
  readonly parse?: (text: string) => Value;
}

/** A flag that is on or off; in the environment `1`, `true`, `yes`, `on` and `0`, `false`, `no`, `off`. */
export function switchFlag(options: FlagOptions): Flag<boolean> {
  return {
    ...base({ placeholder: '', ...options }, 'switch'),
    read(texts, name) {
      const text = (texts.at(-1) ?? 'false').toLowerCase();
      if (['', '1', 'true', 'yes', 'on'].includes(text)) return true;
      if (['0', 'false', 'no', 'off'].includes(text)) return false;
      throw new AppError('input/usage', `"${name}" takes no value such as "${text}"`);
    },
  };
}

/** A flag with one value; the last one counts. */
export function valueFlag(
  options: ValueOptions<string> & { readonly parse?: never },
): Flag<string | undefined>;
export function valueFlag<Value>(options: ValueOptions<Value>): Flag<Value | undefined>;
export function valueFlag<Value>(options: ValueOptions<Value>): Flag<Value | string | undefined> {
  return {
    ...base(options, 'value'),
    read: (texts, name) => (texts.length === 0 ? undefined : readOne(options, texts.at(-1)!, name)),
  };
}

/** A flag that may be repeated. */
export function listFlag(
  options: ValueOptions<string> & { readonly parse?: never },
): Flag<readonly string[]>;
export function listFlag<Value>(options: ValueOptions<Value>): Flag<readonly Value[]>;
export function listFlag<Value>(options: ValueOptions<Value>): Flag<readonly (Value | string)[]> {
  return {
    ...base(options, 'list'),
    read: (texts, name) => texts.map((text) => readOne(options, text, name)),
  };
}

/** A flag whose value may be left out (`--read-data`, `--read-data=10%`); without it the value is `true`. */
export function optionalValueFlag<Value>(
  options: ValueOptions<Value> & { readonly parse: (text: string) => Value },
): Flag<Value | true | undefined> {
  return {
    ...base(options, 'optional'),
    read(texts, name) {
      const text = texts.at(-1);
      if (text === undefined) return undefined;
      return text === '' || text === 'true' ? true : (readOne(options, text, name) as Value);
    },
  };
}

function base(
  options: ValueOptions<unknown>,
  kind: Flag<unknown>['kind'],
): Omit<Flag<unknown>, 'read'> {
  return {
    kind,
    help: options.help,
    short: options.short,
    placeholder: options.placeholder,
    choices: options.choices,
    complete: options.complete ?? 'none',
    environment: options.environment ?? true,
  };
}

function readOne<Value>(options: ValueOptions<Value>, text: string, name: string): Value | string {
  if (options.choices !== undefined && !options.choices.includes(text)) {
    throw new AppError(
      'input/usage',
      `"${name}" is one of ${options.choices.join(', ')}, not "${text}"`,
    );
  }
  if (options.parse === undefined) return text;
  try {
    return options.parse(text);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError('input/usage', `Cannot read "${name}": ${error.message}`, {
      cause: error,
      ...(error.hint !== undefined && { hint: error.hint }),
    });
  }
}

/** Reads a text that is kept, or that is looked for among those: what is no UTF-8 would be kept as another one. Throws `input/invalid`. */
export function keptText(text: string): string {
  if (text.isWellFormed()) return text;
  throw new AppError('input/invalid', 'it is not UTF-8');
}

/** As `keptText`; it must say something. */
export function givenName(text: string): string {
  if (text !== '') return keptText(text);
  throw new AppError('input/invalid', 'it is empty', {
    hint: 'Most often that is a variable that is not set',
  });
}

/** Reads a whole number from `least` on, for flags. Throws `input/invalid`. */
export function wholeNumber(
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): (text: string) => number {
  return (text) => {
    const number = /^\d{1,15}$/u.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    const range =
      most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
    throw new AppError('input/invalid', `"${text}" is not a whole number ${range}`);
  };
}
