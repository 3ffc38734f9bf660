import type { CallOptions } from '../base/call-options.ts';
import type { Clock } from '../base/clock.ts';
import type { AppError } from '../base/errors.ts';
import type { OptionsOf, RawValue, StorageOption } from './option-schema.ts';
import type { Storage } from './storage.ts';
import type { DestinationUrl } from './url.ts';

/** What a driver may use of the program around it. */
export interface DriverContext extends CallOptions {
  readonly clock: Clock;
  /** The variables of the process, for what the protocol's own programs would read from there (an agent's socket, a home directory). */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Something went wrong that does not fail a call: it is shown, and the work goes on. */
  readonly warn: (problem: AppError) => void;
  /** What only those want to know who want to know all. */
  readonly note?: (sentence: string) => void;
}

/** What a driver is handed when it opens a storage. */
export interface OpeningContext extends DriverContext {
  /**
   * Opens the storage that another URL names, for a storage that is made of several. Its options are in that URL and in `environment`,
   * which is used instead of the variables of the process; it has its own retries and limits.
   */
  readonly openOther: (
    url: string,
    environment: Readonly<Record<string, string | undefined>>,
  ) => Promise<Storage>;
}

/** What is known of a kind of storage before it is opened: for help, forms and the reference page. */
export interface DriverDescription {
  readonly scheme: string;
  readonly title: string;
  /** The forms of its URL, the usual one first: `sftp://[user[:password]@]host[:port]/path`. */
  readonly urlForms: readonly string[];
  /** What its tests run against: `OpenSSH`, or `a simulator` where no real server can be had. */
  readonly testedAgainst: string;
  /** A program that has to be installed for it. */
  readonly needs?: string;
}

/** How one kind of storage is named, configured and opened. */
export interface StorageDriver<Options = never> extends DriverDescription {
  readonly options: readonly StorageOption[];
  /** The options that the URL itself (user, host, path) stands for; throws `input/usage` for a URL that makes no sense. */
  fromUrl(url: DestinationUrl): Readonly<Record<string, RawValue>>;
  /** Opens, and makes nothing: the first `put` does. */
  open(options: Options, context: OpeningContext): Promise<Storage>;
  /** What options that are secret say of the place: values of other options, by their names, without anything secret. */
  placeIn?(options: Options): Readonly<Record<string, string>>;
  /** True for a storage made of others: those are asked again and limited in time, not the whole. */
  readonly isComposed?: boolean;
  /** What is put around the storage, outside of its retries and limits. */
  around?(storage: Storage, options: Options, context: DriverContext): Storage;
}

/** A driver whose option values have the types that its list of options says. */
export function defineDriver<const Schema extends readonly StorageOption[]>(
  driver: DriverDescription & {
    readonly options: Schema;
    fromUrl(url: DestinationUrl): Readonly<Record<string, RawValue>>;
    open(options: OptionsOf<Schema>, context: OpeningContext): Promise<Storage>;
    placeIn?(options: OptionsOf<Schema>): Readonly<Record<string, string>>;
    readonly isComposed?: boolean;
  },
): StorageDriver<OptionsOf<Schema>> {
  return driver;
}
