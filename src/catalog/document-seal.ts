import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';

import { AppError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import type { CatalogKey } from './catalog-key.ts';
import type { Statements } from './sql-database.ts';

const nonceLength = 12;
const tagLength = 16;
const cipher = 'aes-256-gcm';
const checkText = 'holdfast catalog';

/** Encrypts documents (AES-256-GCM, a random nonce for each) so that none can be read, changed or put in the place of another without the key. */
export class DocumentSeal {
  /** Identifies the key in the catalog, so that a process with an old one writes nothing more. */
  readonly salt: Uint8Array;
  /** Four times as quick as bytes, which are made into one for each document. */
  readonly #key: KeyObject;

  private constructor(salt: Uint8Array, key: Uint8Array) {
    this.salt = salt;
    this.#key = createSecretKey(key);
  }

  static async create(key: CatalogKey, salt: Uint8Array = systemRandom(16)): Promise<DocumentSeal> {
    return new DocumentSeal(salt, await key.derive(salt));
  }

  /** Nonce, what is encrypted, tag. */
  seal(kind: string, name: string, text: string): Uint8Array {
    const nonce = systemRandom(nonceLength);
    const encryption = createCipheriv(cipher, this.#key, nonce).setAAD(contextOf(kind, name));
    const body = [encryption.update(text, 'utf8'), encryption.final()];
    return Buffer.concat([nonce, ...body, encryption.getAuthTag()]);
  }

  /** Throws `catalog/locked-out` when it was made with another key, for another name, or changed. */
  open(kind: string, name: string, sealed: Uint8Array): string {
    const end = sealed.length - tagLength;
    try {
      const decryption = createDecipheriv(cipher, this.#key, sealed.subarray(0, nonceLength), {
        authTagLength: tagLength,
      })
        .setAAD(contextOf(kind, name))
        .setAuthTag(sealed.subarray(end));
      return (
        decryption.update(sealed.subarray(nonceLength, end), undefined, 'utf8') +
        decryption.final('utf8')
      );
    } catch (cause) {
      throw new AppError(
        'catalog/locked-out',
        `The ${kind} "${name}" in the catalog cannot be decrypted: its key has been changed, or it was tampered with`,
        { cause },
      );
    }
  }
}

/** Text that cannot be mistaken for another kind and name. */
const contextOf = (kind: string, name: string): Buffer => Buffer.from(JSON.stringify([kind, name]));

interface SealProperties {
  readonly salt: Uint8Array;
  readonly check: Uint8Array;
}

/** What is written down about the key of the catalog; `undefined` in a new one. */
export async function readSealProperties(
  statements: Statements,
): Promise<SealProperties | undefined> {
  const rows = await statements
    .selectFrom('properties')
    .select(['name', 'value'])
    .where('name', 'in', ['key-salt', 'key-check'])
    .execute();
  const value = (name: string): Uint8Array | undefined => {
    const text = rows.find((row) => row.name === name)?.value;
    return text === undefined ? undefined : Buffer.from(text, 'base64');
  };
  const salt = value('key-salt');
  const check = value('key-check');
  return salt === undefined || check === undefined ? undefined : { salt, check };
}

export async function writeSealProperties(
  statements: Statements,
  seal: DocumentSeal,
): Promise<void> {
  const encoded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  await statements
    .insertInto('properties')
    .values([
      { name: 'key-salt', value: encoded(seal.salt) },
      { name: 'key-check', value: encoded(seal.seal('property', 'key-check', checkText)) },
    ])
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet((row) => ({ value: row.ref('excluded.value') })),
    )
    .execute();
}

/** Whether a key is the one of the catalog. */
export async function sealOf(
  { salt, check }: SealProperties,
  key: CatalogKey,
): Promise<DocumentSeal | undefined> {
  const seal = await DocumentSeal.create(key, salt);
  try {
    return seal.open('property', 'key-check', check) === checkText ? seal : undefined;
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/** Throws `catalog/locked-out` if the key of the catalog is not (any more) that of `seal`. To be asked in the transaction that writes. */
export async function checkSeal(statements: Statements, seal: DocumentSeal): Promise<void> {
  const properties = await readSealProperties(statements);
  if (properties !== undefined && Buffer.compare(properties.salt, seal.salt) === 0) return;
  throw new AppError('catalog/locked-out', 'The key of the catalog has been changed', {
    hint: 'Start the program again with the new key',
  });
}
