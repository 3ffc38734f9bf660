import { systemClock } from '../../../src/base/clock.ts';
import type { AppError } from '../../../src/base/errors.ts';
import { environmentOptions, openStorage } from '../../../src/storage/open-storage.ts';
import { storageDriver } from '../../../src/storage/registry.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { parseDestinationUrl } from '../../../src/storage/url.ts';
import { simulatedAccount } from './simulated-oauth.ts';

/** A refresh token with the client that it belongs to. */
export const signedIn: Readonly<Record<string, string>> = {
  'client-id': simulatedAccount.clientId,
  'client-secret': simulatedAccount.clientSecret,
  'refresh-token': simulatedAccount.refreshToken,
};

/**
 * The storage of a destination on a simulator, opened as the program does, but with a single attempt for each call. What it warns of is
 * added to `warnings`.
 */
export async function openOnSimulator(
  { origin }: { readonly origin: string },
  url: string,
  {
    options = signedIn,
    environment = {},
    warnings = [],
  }: {
    readonly options?: Readonly<Record<string, string | number | undefined>>;
    readonly environment?: Readonly<Record<string, string>>;
    readonly warnings?: AppError[];
  } = {},
): Promise<Storage> {
  const driver = await storageDriver(parseDestinationUrl(url).scheme);
  const { storage } = await openStorage(
    url,
    {
      flag: { attempts: 1, ...options, endpoint: origin },
      environment: environmentOptions(driver, environment),
    },
    { clock: systemClock, environment: {}, warn: (problem) => void warnings.push(problem) },
  );
  return storage;
}
