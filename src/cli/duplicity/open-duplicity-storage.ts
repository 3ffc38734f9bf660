import path from 'node:path';

import { AppError, hasCode } from '../../base/errors.ts';
import { environmentOptions, openStorage, optionsOf } from '../../storage/open-storage.ts';
import { forward } from '../../storage/layers/forward.ts';
import { storageDriver } from '../../storage/registry.ts';
import { shownAddress } from '../../storage/shown-address.ts';
import type { Storage } from '../../storage/storage.ts';
import { type DestinationUrl, parseDestinationUrl } from '../../storage/url.ts';
import { ask } from '../prompt.ts';
import { destinationOptions } from './destination-options.ts';
import { exitCodes, fatal } from './fatal.ts';
import type { DuplicityRun } from './run-settings.ts';

/** A destination; `isMissing` tells, after a listing, whether there is not even a directory. */
export interface OpenedDestination {
  readonly storage: Storage;
  readonly isMissing: () => boolean;
}

/**
 * Opens the destination that a URL of duplicity's names, with the options and environment variables of duplicity. One that is not there yet is an empty one: the first file makes it.
 *
 * @throws AppError exit code 23 for a scheme that nobody knows; what the drivers throw
 */
export async function openDuplicityStorage(
  text: string,
  run: DuplicityRun,
  { mayMake }: { readonly mayMake: boolean },
): Promise<OpenedDestination> {
  const { context, log, line } = run;
  const { clock, signal } = context;
  const url = urlOf(text, context.workingDirectory);
  const environment = withPassword(context.environment);
  try {
    const driver = await storageDriver(url.scheme);
    const known = new Set(optionsOf(driver).map(({ name }) => name));
    const flag = destinationOptions(line.options, known, { mayMake });
    if (line.options.has('ssh-askpass') && known.has('password') && url.password === undefined) {
      const hasPassword = environment['FTP_PASSWORD'] !== undefined;
      if (!hasPassword) {
        const question = `Password for '${url.user ?? ''}@${url.host ?? ''}': `;
        flag['password'] = await ask(question, context, { hidden: context.terminal.interactive });
      }
    }
    const { storage } = await openStorage(
      url,
      { flag: withoutThoseOf(url, flag), environment: environmentOptions(driver, environment) },
      {
        clock,
        signal,
        environment,
        warn: (error) => log.warning(error.message),
        note: (sentence) => log.info(sentence),
      },
    );
    return emptyWhenMissing(storage);
  } catch (error) {
    if (hasCode(error, 'input/usage') && error.message.startsWith('There is no kind of storage')) {
      const message = `UnsupportedBackendScheme: scheme not supported in url: ${shownAddress(text)}`;
      throw fatal(exitCodes.user, message, {
        extra: 'UnsupportedBackendScheme',
        cause: error,
        ...(error.hint !== undefined && { hint: error.hint }),
      });
    }
    throw error;
  }
}

/** `file://relative/path` is a path here: others would take the first part for a host. */
function urlOf(text: string, workingDirectory: string): DestinationUrl {
  const relative = /^file:\/\/(?!\/|localhost\/)(.+)$/su.exec(text)?.[1];
  if (relative === undefined) return parseDestinationUrl(text);
  const url = parseDestinationUrl(`file:///${relative}`);
  return { ...url, path: path.resolve(workingDirectory, url.path.slice(1)) };
}

/** What the URL says itself is stronger than an option, and not a contradiction. */
function withoutThoseOf<Value>(
  { options }: DestinationUrl,
  given: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !options.has(name)));
}

/** `BACKEND_PASSWORD` is the name that duplicity 3.0.5 and later prefer. */
function withPassword(
  environment: DuplicityRun['context']['environment'],
): Readonly<Record<string, string | undefined>> {
  const password = environment['BACKEND_PASSWORD'];
  return password === undefined ? environment : { ...environment, FTP_PASSWORD: password };
}

function emptyWhenMissing(inner: Storage): OpenedDestination {
  let isMissing = false;
  const storage: Storage = {
    ...forward(inner),
    async *list(prefix, options) {
      try {
        yield* inner.list(prefix, options);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'storage/not-found') throw error;
        isMissing = true;
      }
    },
  };
  return { storage, isMissing: () => isMissing };
}
