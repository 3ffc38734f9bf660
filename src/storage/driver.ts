import type { CallOptions } from '../base/call-options.ts';
import type { Clock } from '../base/clock.ts';
import type { AppError } from '../base/errors.ts';
import type { OptionsOf, RawValue, StorageOption } from './option-schema.ts';
import type { Storage } from './storage.ts';
import type { DestinationUrl } from './url.ts';

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
