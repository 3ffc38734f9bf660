import { readFile } from 'node:fs/promises';

import { AppError, hasCode } from '../../../base/errors.ts';
import { fileReason } from '../../../base/file-reason.ts';
import { defineDriver, type OpeningContext } from '../../driver.ts';
import type { Storage } from '../../storage.ts';
import { shownAddress } from '../../shown-address.ts';
import { absentStorage } from './absent-storage.ts';
import { parseMultiConfig, type StoreEntry } from './multi-config.ts';
import { MultiStorage } from './multi-storage.ts';
import { type Store, StoreList } from './store-list.ts';
import { mirroring, striping } from './writers.ts';

/** `multi:///list.json`: the stores that a file lists, as one. */
export const multiDriver = defineDriver({
  scheme: 'multi',
  title: 'Several storages as one, as duplicity does it: mirrored, or filled in turn',
  urlForms: ['multi:///path/config.json?mode=mirror&onfail=abort'],
  testedAgainst: 'duplicity 0.8.22',
  isComposed: true,
  options: [
    { name: 'path', kind: 'string', help: 'The JSON file that lists the stores', required: true },
    {
      name: 'mode',
      kind: 'choice',
      choices: ['stripe', 'mirror'],
      help: 'Whether each object goes to the next store in turn, or to all of them',
      default: 'stripe',
    },
    {
      name: 'onfail',
      kind: 'choice',
      choices: ['continue', 'abort'],
      help: 'Whether a store that does not take an object is passed over with a warning, or ends the work',
      default: 'continue',
    },
    { name: 'subpath', kind: 'string', help: 'Appended to the path of every store', default: '' },
  ],
  fromUrl({ host, path }) {
    if (host === undefined && path !== '') return { path };
    throw new AppError('input/usage', 'The multi URL names no file with a list of stores', {
      hint: 'Write multi:///path/config.json',
    });
  },
  async open({ path, mode, onfail, subpath }, context) {
    const entries = parseMultiConfig(await readConfig(path), path, subpath);
    const stores = new StoreList(
      await openStores(entries, { path, isMirror: mode === 'mirror' }, context),
    );
    const settings = { onFailure: onfail, warn: context.warn } as const;
    return new MultiStorage({
      location: `multi://${path}`,
      stores,
      write: mode === 'mirror' ? mirroring(stores, settings) : striping(stores, settings),
      mayMiss: mode === 'mirror' && onfail === 'continue',
      isMirror: mode === 'mirror',
      warn: context.warn,
    });
  },
});

async function readConfig(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError(
      'input/usage',
      `Cannot read the list of stores "${file}": ${fileReason(cause)}`,
      { cause, hint: 'Name a JSON file, as in multi:///etc/backup/stores.json' },
    );
  }
}

/** A store that cannot be opened is an error, except in a mirror, where the others have everything too. */
async function openStores(
  entries: readonly StoreEntry[],
  { path, isMirror }: { readonly path: string; readonly isMirror: boolean },
  { environment, openOther }: OpeningContext,
): Promise<readonly Store[]> {
  const opened: Store[] = [];
  const failures: AppError[] = [];
  try {
    for (const [index, { url, environment: own, prefixes }] of entries.entries()) {
      let storage: Storage;
      try {
        storage = await openOther(url, { ...environment, ...own });
      } catch (error) {
        if (!hasCode(error)) throw error;
        const failure = unopened(error, `Store ${index + 1} of "${path}"`);
        if (!isMirror || hasCode(error, 'input/usage')) throw failure;
        failures.push(failure);
        storage = absentStorage(shownAddress(url), error);
      }
      opened.push({ storage, prefixes });
    }
    const [first] = failures;
    if (first !== undefined && failures.length === entries.length) throw first;
    return opened;
  } catch (error) {
    await Promise.allSettled(opened.map(({ storage }) => storage[Symbol.asyncDispose]()));
    throw error;
  }
}

/** With the place in the list: its URL may be what makes no sense. */
function unopened(error: AppError, store: string): AppError {
  return new AppError(error.code, `${store} cannot be opened: ${error.message}`, {
    cause: error,
    details: error.details,
    ...(error.hint !== undefined && { hint: error.hint }),
  });
}
