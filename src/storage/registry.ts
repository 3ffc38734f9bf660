import { didYouMean } from '../base/did-you-mean.ts';
import { AppError } from '../base/errors.ts';
import type { StorageDriver } from './driver.ts';

/** Every protocol, loaded when it is first used. A new one is a folder in `drivers/` and a line here. */
const loaders: Readonly<Record<string, () => Promise<StorageDriver>>> = {
  file: async () => (await import('./drivers/file/file.ts')).fileDriver,
  memory: async () => (await import('./drivers/memory/memory.ts')).memoryDriver,
};

export const storageSchemes: readonly string[] = Object.keys(loaders);

/** Throws `input/usage` for a scheme that nobody serves. */
export async function storageDriver(scheme: string): Promise<StorageDriver> {
  const load = Object.hasOwn(loaders, scheme) ? loaders[scheme] : undefined;
  if (load !== undefined) return load();
  const nearest = didYouMean(scheme, storageSchemes);
  throw new AppError('input/usage', `There is no kind of storage called "${scheme}"`, {
    hint: `${nearest === undefined ? '' : `Did you mean "${nearest}"? `}Known are: ${storageSchemes.join(', ')}`,
  });
}
