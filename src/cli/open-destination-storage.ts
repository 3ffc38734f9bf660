import { AppError } from '../base/errors.ts';
import { environmentOptions, type OpenedStorage, openStorage } from '../storage/open-storage.ts';
import type { RawOptions } from '../storage/options.ts';
import type { RawValue } from '../storage/option-schema.ts';
import { storageDriver } from '../storage/registry.ts';
import { type DestinationUrl, parseDestinationUrl } from '../storage/url.ts';
import type { GlobalFlagValues } from './global-flags.ts';
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
  const opened = await openStorage(
    url,
    { flag: optionsFromFlags(flags), environment: environmentOptions(driver, environment) },
    {
      clock,
      signal,
      environment,
      warn: (error) => output.report({ type: 'problem', severity: 'warning', error }),
    },
  );
  return { ...opened, url };
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
