import { hkdfSync, scrypt } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';

import { writeFileAtomically } from '../base/atomic-file.ts';
import { toHex } from '../base/bytes.ts';
import { AppError, messageOf, systemCodeOf } from '../base/errors.ts';
import { makeDirectories } from '../base/make-directories.ts';
import { systemRandom } from '../base/random.ts';
import { Secret } from '../base/secret.ts';

/** What the configuration in a catalog is encrypted with: 32 random bytes in base64, or a passphrase of at least 8 characters. */
export class CatalogKey {
  readonly #text: Secret;

  /** `text` without white space around it; `what` names it in errors. Throws `input/invalid`. */
  constructor(text: string, what = 'The key of the catalog') {
    const trimmed = text.trim();
    if (trimmed.length < 8) {
      throw new AppError('input/invalid', `${what} has less than 8 characters`, {
        hint: 'Make one with: openssl rand -base64 32',
      });
    }
    this.#text = new Secret(trimmed);
  }

  /** A new random one. */
  static random(): CatalogKey {
    return new CatalogKey(Buffer.from(systemRandom(32)).toString('base64'));
  }

  /** As it is written to a file. */
  reveal(): string {
    return this.#text.reveal();
  }

  /** The 32 bytes that a catalog with this salt is encrypted with. Takes a tenth of a second for a passphrase. */
  async derive(salt: Uint8Array): Promise<Uint8Array> {
    const text = this.#text.reveal();
    const random = Buffer.from(text, 'base64');
    const isRandom = random.length >= 32 && /^[\w+/-]+=*$/u.test(text);
    const secret = isRandom ? random : await stretch(text, salt);
    return new Uint8Array(hkdfSync('sha256', secret, salt, 'holdfast catalog documents', 32));
  }
}

/** Where the key of a catalog comes from. */
export interface CatalogKeySource {
  /** `isNew`: nothing has been encrypted with one yet, so that a new one may be made. */
  find(isNew: boolean): Promise<CatalogKey>;
  /** Another one, when the first does not fit. */
  findOther?(): Promise<CatalogKey | undefined>;
  /** Which one did fit. */
  settle?(key: CatalogKey): Promise<void>;
}

/**
 * The key in a file, which is made, readable for its owner alone, when the catalog is new. A change of the key puts the new one beside it
 * first (`<file>.new`), so that a crash in between locks nobody out.
 */
export function catalogKeyFile(file: string): CatalogKeySource {
  const next = nextKeyFile(file);
  return {
    async find(isNew) {
      const there = await readKey(file);
      if (there !== undefined) return there;
      if (!isNew) {
        throw new AppError(
          'catalog/locked-out',
          `The key of the catalog is missing: there is no "${file}"`,
          {
            hint: 'Put the file back, or name the key with --catalog-key-file or HOLDFAST_CATALOG_KEY',
          },
        );
      }
      await makeKey(file);
      return (await readKey(file)) ?? neverThere(file);
    },
    findOther: () => readKey(next),
    settle: (key) => settleKey(file, key),
  };
}

/** Puts the next key beside the file of the current one; `catalogKeyFile` takes it from there once the catalog has it. */
export async function writeNextKey(file: string, key: CatalogKey): Promise<void> {
  await writable(file, () =>
    writeFileAtomically(nextKeyFile(file), Buffer.from(`${key.reveal()}\n`)),
  );
}

/** The next key takes the place of the current one, now that the catalog has it. What another one has put beside it stays. */
export async function settleKey(file: string, key: CatalogKey): Promise<void> {
  const next = await readKey(nextKeyFile(file));
  if (next?.reveal() !== key.reveal()) return;
  await writable(file, async () => {
    await writeFileAtomically(file, Buffer.from(`${key.reveal()}\n`));
    await rm(nextKeyFile(file), { force: true });
  });
}

const nextKeyFile = (file: string): string => `${file}.new`;

async function readKey(file: string): Promise<CatalogKey | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return undefined;
    throw new AppError(
      'input/invalid',
      `Cannot read the key of the catalog from "${file}": ${messageOf(cause)}`,
      { cause },
    );
  }
  return new CatalogKey(text, `The key of the catalog in "${file}"`);
}

/** Of several processes that make it at once the first one wins. */
async function makeKey(file: string): Promise<void> {
  await writable(file, async () => {
    const directory = path.dirname(file);
    await makeDirectories(directory, { mode: 0o700 });
    const temporary = path.join(directory, `.${toHex(systemRandom(12))}.unfinished`);
    try {
      await using handle = await open(temporary, 'wx', 0o600);
      await handle.writeFile(`${CatalogKey.random().reveal()}\n`);
      await handle.sync();
      await link(temporary, file).catch((error: unknown) => {
        if (systemCodeOf(error) !== 'EEXIST') throw error;
      });
      await using place = await open(directory, 'r');
      await place.sync();
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

async function writable(file: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw new AppError(
      'local/unwritable',
      `Cannot write the key of the catalog to "${file}": ${messageOf(cause)}`,
      { cause },
    );
  }
}

function neverThere(file: string): never {
  throw new AppError('catalog/locked-out', `The key of the catalog has gone from "${file}"`);
}

function stretch(text: string, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const cost = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
    scrypt(text, salt, 32, cost, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
