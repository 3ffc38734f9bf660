import { AppError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { DriverContext, OpeningContext, StorageDriver } from './driver.ts';
import { ineffective, withoutEffect } from './foreign-option.ts';
import { limiting } from './layers/limiting.ts';
import { par2Options } from './layers/par2/par2-options.ts';
import { retrying } from './layers/retrying.ts';
import { timeLimiting } from './layers/time-limiting.ts';
import { throttling, TransferRates } from './layers/throttling.ts';
import {
  type MergedOption,
  mergeOptions,
  optionCalled,
  type OptionSources,
  parseOptions,
  type RawOptions,
  resolveSecrets,
} from './options.ts';
import type { RawValue, StorageOption } from './option-schema.ts';
import { storageDriver } from './registry.ts';
import type { Storage } from './storage.ts';
import {
  type DestinationUrl,
  keyOfDestination,
  parseDestinationUrl,
  printDestinationUrl,
} from './url.ts';

/** What every storage can be told, whatever its protocol. */
export const commonOptions = [
  {
    name: 'attempts',
    kind: 'number',
    help: 'How often a call is made before it counts as failed',
    default: '5',
  },
  {
    name: 'connections',
    kind: 'number',
    help: 'How many calls are under way at once (otherwise what suits the storage)',
  },
  {
    name: 'timeout',
    kind: 'duration',
    help: 'How long nothing may happen before a call counts as failed',
    default: '2m',
    aliases: ['read-write-timeout'],
  },
  { name: 'limit-upload', kind: 'size', help: 'Bytes a second that are sent at most' },
  { name: 'limit-download', kind: 'size', help: 'Bytes a second that are fetched at most' },
  withoutEffect('list-timeout', 'for listings, too, "timeout" is how long nothing may happen'),
  withoutEffect('short-timeout', 'for short calls, too, "timeout" is how long nothing may happen'),
] as const satisfies readonly StorageOption[];

export interface OpenedStorage {
  readonly storage: Storage;
  /** The destination for people and logs, without secrets. */
  readonly destination: string;
  /** The same as the key of what is remembered of it. */
  readonly key: string;
  /** May be changed while the storage is in use. */
  readonly rates: TransferRates;
}

/**
 * Opens the storage that a URL or path names, with retries, limits and throttling around it. `sources` are the options given
 * elsewhere. Throws `input/usage` for what cannot be understood, and what the driver throws.
 */
export async function openStorage(
  destination: string | DestinationUrl,
  sources: Omit<OptionSources, 'url'>,
  context: DriverContext,
): Promise<OpenedStorage> {
  context.signal?.throwIfAborted();
  const url = typeof destination === 'string' ? parseDestinationUrl(destination) : destination;
  const driver = await storageDriver(url.scheme);
  const schema = optionsOf(driver);
  const merged = await resolveSecrets(
    mergeOptions(schema, { ...sources, url: urlOptions(driver, url) }),
    { signal: context.signal },
  );
  const common = parseOptions(commonOptions, merged);
  const attempts = wholeNumber('attempts', common.attempts);
  const connections = common.connections && wholeNumber('connections', common.connections);
  const rates = new TransferRates({
    upload: common['limit-upload'],
    download: common['limit-download'],
  });
  // The values were parsed by the driver's own list, from which the type of its options is computed.
  const options = parseOptions(driver.options, merged) as never;
  for (const sentence of ineffective(schema, merged)) context.note?.(sentence);
  const openOther = otherOpener(merged, context);
  const inner = await driver.open(options, { ...context, openOther });
  const isComposed = driver.isComposed === true;
  const limited = limiting(
    throttling(
      isComposed ? inner : timeLimiting(inner, common.timeout, context.clock),
      rates,
      context,
    ),
    connections ?? inner.capabilities.concurrency,
  );
  const storage = isComposed ? limited : retrying(limited, { attempts, clock: context.clock });
  return {
    storage: driver.around?.(storage, options, context) ?? storage,
    destination: printDestinationUrl(url, schema),
    key: keyOfDestination(
      { ...url, options: placedOptions(url, schema, merged, driver.placeIn?.(options) ?? {}) },
      schema,
    ),
    rates,
  };
}

/** The options of a URL, and those given elsewhere without which it would not say which place is meant. */
function placedOptions(
  { options }: DestinationUrl,
  schema: readonly StorageOption[],
  merged: ReadonlyMap<string, MergedOption>,
  inSecrets: Readonly<Record<string, string>>,
): ReadonlyMap<string, Secret> {
  const placed = new Map(options);
  for (const { name, place } of schema) {
    const { value, origin } = merged.get(name) ?? {};
    if (place !== true || value === undefined || origin === 'url' || origin === 'default') continue;
    if (value instanceof Secret) placed.set(name, value);
    else if (typeof value !== 'object') placed.set(name, new Secret(String(value)));
  }
  for (const [name, value] of Object.entries(inSecrets))
    if (!placed.has(name)) placed.set(name, new Secret(value));
  return placed;
}

/** How a storage that is made of others opens them: with its own patience, unless their URLs say otherwise. */
function otherOpener(
  merged: ReadonlyMap<string, MergedOption>,
  context: DriverContext,
): OpeningContext['openOther'] {
  const patience = Object.fromEntries(
    ['attempts', 'timeout'].map((name) => [name, merged.get(name)?.value as RawValue]),
  );
  return async (text, environment) => {
    const url = parseDestinationUrl(text);
    const driver = await storageDriver(url.scheme);
    if (driver.isComposed === true) {
      throw new AppError('input/usage', `"${url.scheme}:" cannot be a part of another storage`);
    }
    // Rates and numbers of calls are those of the whole.
    const found = Object.entries(environmentOptions(driver, environment)).filter(
      ([name]) => !commonOptions.some((option) => option.name === name),
    );
    const { storage } = await openStorage(
      url,
      { environment: Object.fromEntries(found), file: patience },
      { ...context, environment },
    );
    return storage;
  };
}

/** All options of a driver: its own and the common ones. */
export function optionsOf(driver: Pick<StorageDriver, 'options'>): readonly StorageOption[] {
  return [...driver.options, ...commonOptions];
}

/** The environment variable for an option: `HOLDFAST_S3_REGION`, or `HOLDFAST_ATTEMPTS` for a common one. */
export function environmentNameOf(scheme: string, option: string): string {
  const isCommon = [...commonOptions, ...par2Options].some(({ name }) => name === option);
  return ['holdfast', ...(isCommon ? [] : [scheme]), option]
    .join('_')
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/gu, '_');
}

/**
 * What the environment says about the options of a driver: our own variables, then those that users of other programs have set. A secret
 * may also be in a file (`…_FILE`). A variable that is empty says nothing.
 */
export function environmentOptions(
  driver: Pick<StorageDriver, 'options' | 'scheme'>,
  environment: Readonly<Record<string, string | undefined>>,
): RawOptions {
  const found: Record<string, string> = {};
  for (const { name, kind, environment: others = [], foreign } of optionsOf(driver)) {
    if (foreign !== undefined) continue;
    for (const variable of [environmentNameOf(driver.scheme, name), ...others]) {
      const value = environment[variable];
      const file = kind === 'secret' ? environment[`${variable}_FILE`] : undefined;
      if (value) found[name] = value;
      if (file) found[`${name}-file`] = file;
      if (value || file) break;
    }
  }
  return found;
}

function urlOptions(driver: StorageDriver, url: DestinationUrl): RawOptions {
  const options: Record<string, RawValue | undefined> = { ...driver.fromUrl(url) };
  for (const [name, value] of url.options) {
    if (Object.hasOwn(options, name)) {
      throw new AppError(
        'input/usage',
        `The option "${name}" is given twice: the rest of the URL says it already`,
      );
    }
    options[name] = isUnset(optionCalled(optionsOf(driver), name), value) ? undefined : value;
  }
  return options;
}

/** Whether a value in the URL says nothing: forms of other programs write out every field, also one that was left empty (`storage-class=`). */
function isUnset(option: StorageOption | undefined, value: Secret): boolean {
  return (option?.kind === 'string' || option?.kind === 'choice') && value.reveal() === '';
}

function wholeNumber(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= 1000) return value;
  throw new AppError('input/usage', `The option "${name}" must be a whole number from 1 to 1000`);
}
