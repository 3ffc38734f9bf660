import type { CallOptions } from '../base/call-options.ts';
import type { Clock } from '../base/clock.ts';
import type { AppError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { Storage } from './storage.ts';
import type { DestinationUrl } from './url.ts';

/** How the text of an option is read: `size` gives bytes, `duration` milliseconds, `secret` a `Secret`. */
export type OptionKind =
  | 'string'
  | 'number'
  | 'boolean'
  | 'size'
  | 'duration'
  | 'choice'
  | 'secret';

/** One setting, as plain data: it feeds the URL, flags, help, forms and the reference page. */
export interface StorageOption {
  /** Lower case with hyphens. */
  readonly name: string;
  readonly kind: OptionKind;
  /** One sentence without a period. */
  readonly help: string;
  /** As the user would write it. */
  readonly default?: string;
  readonly required?: boolean;
  /** For `choice`. */
  readonly choices?: readonly string[];
}

/** What came in for one option before it was checked. */
export type RawValue = string | number | boolean | Secret;

type ValueOf<Option extends StorageOption> = Option['kind'] extends 'boolean'
  ? boolean
  : Option['kind'] extends 'number' | 'size' | 'duration'
    ? number
    : Option['kind'] extends 'secret'
      ? Secret
      : Option extends { readonly choices: readonly (infer Choice)[] }
        ? Choice
        : string;

/** The checked values of a list of options, by name; `undefined` where there is neither a value nor a default. */
export type OptionsOf<Schema extends readonly StorageOption[]> = {
  readonly [Option in Schema[number] as Option['name']]: Option extends
    | { readonly default: string }
    | { readonly required: true }
    ? ValueOf<Option>
    : ValueOf<Option> | undefined;
};

/** What a driver may use of the program around it. */
export interface DriverContext extends CallOptions {
  readonly clock: Clock;
  /** Something went wrong that does not fail a call: it is shown, and the work goes on. */
  readonly warn: (problem: AppError) => void;
}

/** How one kind of storage is named, configured and opened. */
export interface StorageDriver<Options = never> {
  readonly scheme: string;
  readonly title: string;
  readonly options: readonly StorageOption[];
  /** The options that the URL itself (user, host, path) stands for; throws `input/usage` for a URL that makes no sense. */
  fromUrl(url: DestinationUrl): Readonly<Record<string, RawValue>>;
  /** Opens, and makes nothing: the first `put` does. */
  open(options: Options, context: DriverContext): Promise<Storage>;
}

/** Adds one behaviour to a storage. Layers nest and know nothing of each other. */
export type StorageLayer = (inner: Storage) => Storage;

/** A driver whose option values have the types that its list of options says. */
export function defineDriver<const Schema extends readonly StorageOption[]>(driver: {
  readonly scheme: string;
  readonly title: string;
  readonly options: Schema;
  fromUrl(url: DestinationUrl): Readonly<Record<string, RawValue>>;
  open(options: OptionsOf<Schema>, context: DriverContext): Promise<Storage>;
}): StorageDriver<OptionsOf<Schema>> {
  return driver;
}
