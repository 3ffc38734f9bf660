import type { Secret } from '../base/secret.ts';

/** How the text of an option is read: `size` gives bytes, `duration` milliseconds, `secret` a `Secret`. */
export type OptionKind =
  | 'string'
  | 'number'
  | 'boolean'
  | 'size'
  | 'duration'
  | 'choice'
  | 'secret';

/** What comes of an option that is known only because users of other programs say it; `reason` completes a sentence. */
export type ForeignEffect =
  | { readonly effect: 'none'; readonly reason: string }
  | { readonly effect: 'refused'; readonly reason: string; readonly hint: string };

/** One setting, as plain data: it feeds the URL, flags, help, forms and the reference page. */
export interface StorageOption {
  /** Lower case with hyphens; a foreign one that ends with `*` is all that begin so. */
  readonly name: string;
  readonly kind: OptionKind;
  /** One sentence without a period. */
  readonly help: string;
  /** As the user would write it. */
  readonly default?: string;
  readonly required?: boolean;
  /** With the URL it says which place is meant: another value is another destination. Of a secret, which is that of an account, only a mark is remembered. */
  readonly place?: true;
  /** For `choice`. */
  readonly choices?: readonly string[];
  /** Other names that users of other programs know it by; accepted everywhere, never printed. */
  readonly aliases?: readonly string[];
  /** Environment variables of other programs that say the same, strongest first; our own (`HOLDFAST_…`) is stronger. */
  readonly environment?: readonly string[];
  /** It is no option of ours. */
  readonly foreign?: ForeignEffect;
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
