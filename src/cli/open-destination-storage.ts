import { AppError } from '../base/errors.ts';
import { forward } from '../storage/layers/forward.ts';
import {
  environmentOptions,
  type OpenedStorage,
  openStorage,
  optionsOf,
} from '../storage/open-storage.ts';
import type { RawOptions } from '../storage/options.ts';
import type { RawValue } from '../storage/option-schema.ts';
import { storageDriver } from '../storage/registry.ts';
import type { Storage } from '../storage/storage.ts';
import { type DestinationUrl, parseDestinationUrl, printDestinationUrl } from '../storage/url.ts';
import { failureAt } from './failure-at.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import { followLimitFile } from './limit-file.ts';
import type { CommandSession } from './session.ts';

/**
 * Opens the storage that a URL names, with the options of the flags and the environment. Throws `input/usage` for a URL or an option
 * that makes no sense, and what the driver throws.
 */
export async function openDestinationStorage(
  text: string,
  flags: GlobalFlagValues,
  { clock, signal, environment, output }: CommandSession,
): Promise<OpenedStorage & { readonly url: DestinationUrl }> {
  const url = parseDestinationUrl(text);
  const driver = await storageDriver(url.scheme);
  const warn = (error: AppError): void =>
    output.report({ type: 'problem', severity: 'warning', error });
  const note = (message: string): void => {
    if (flags.verbose) output.report({ type: 'notice', message });
  };
  const opened = await openStorage(
    url,
    { flag: optionsFromFlags(flags), environment: environmentOptions(driver, environment) },
    { clock, signal, environment, warn, note },
  ).catch((error: unknown) => {
    throw failureAt(error, `reach "${printDestinationUrl(url, optionsOf(driver))}"`);
  });
  const { 'limit-file': file } = flags;
  if (file === undefined) return { ...opened, url };
  try {
    const limits = await followLimitFile(file, opened.rates, { clock, warn });
    return { ...opened, storage: endingWith(opened.storage, limits), url };
  } catch (error) {
    await opened.storage[Symbol.asyncDispose]();
    throw error;
  }
}

/** A storage with which something else ends. */
function endingWith(storage: Storage, other: Disposable): Storage {
  return {
    ...forward(storage),
    async [Symbol.asyncDispose]() {
      other[Symbol.dispose]();
      await storage[Symbol.asyncDispose]();
    },
  };
}

function optionsFromFlags(flags: GlobalFlagValues): RawOptions {
  const options: Record<string, RawValue | undefined> = {
    'limit-upload': flags['limit-upload'],
    'limit-download': flags['limit-download'],
    attempts: flags.retries === undefined ? undefined : flags.retries + 1,
  };
  for (const text of flags.option) {
    const equals = text.indexOf('=');
    if (equals <= 0) {
      throw new AppError('input/usage', '"--option" is not of the form NAME=VALUE', {
        hint: 'For example: --option connections=2',
      });
    }
    options[text.slice(0, equals)] = text.slice(equals + 1);
  }
  return options;
}
