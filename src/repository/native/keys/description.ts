import { asBuffer, equalBytes, fromHex, toHex, utf8 } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import {
  defaultChunkerParameters,
  type ChunkerParameters,
} from '../../../codec/chunker/parameters.ts';
import { concatBytes } from '../../../base/bytes.ts';
import { parts, sha256 } from '../../../codec/encryption/key-derivation.ts';
import { isValidSignature, signerFromSeed } from '../../../codec/encryption/signature.ts';
import { descriptionName } from '../objects/object-name.ts';
import { damagedObject } from '../objects/signed-object.ts';
import { requireKey, type KeyRing } from './key-ring.ts';

/** The object `holdfast`: what everybody must know of a repository before opening it (docs/formats/native.md, section 5). */
export interface Description {
  /** 16 bytes. */
  readonly repositoryId: Uint8Array;
  readonly features: FeatureLists;
  readonly chunker: ChunkerParameters;
  readonly ownerPublic: Uint8Array;
  readonly metaPublic: Uint8Array;
  readonly dataPublic: Uint8Array;
}

/** Words for what a repository uses beyond version 1. */
export interface FeatureLists {
  readonly requiredToRead: readonly string[];
  readonly requiredToWrite: readonly string[];
  readonly optional: readonly string[];
}

/** How a lost or damaged one is had again. */
export const descriptionHint =
  '"holdfast check --repair" writes it again, with the passphrase of an owner or with --recovery-sheet';

/** More is not read. */
export const maximumDescriptionSize = 64 * 1024;

const version = 1;
const suite = 1;
const kibibyte = 1024;

/** The description of a repository with default parameters: the same bytes whenever it is made from the same keys. */
export function describeRepository(ring: KeyRing): Description {
  return {
    repositoryId: ring.repositoryId,
    features: { requiredToRead: [], requiredToWrite: [], optional: [] },
    chunker: defaultChunkerParameters,
    ownerPublic: ring.ownerPublic,
    metaPublic: ring.metaPublic,
    dataPublic: ring.dataPublic,
  };
}

/** The bytes of `holdfast`, signed with the owner key, which `ring` must hold. */
export function encodeDescription(description: Description, ring: KeyRing): Uint8Array {
  const plain = toPlain(description);
  const signature = signerFromSeed(requireKey(ring, 'ownerSeed')).sign(signedText(plain));
  return toText({ ...plain, signature: asBuffer(signature).toString('base64') });
}

/**
 * Reads `holdfast`. Throws an `AppError`: `repository/damaged` if a byte differs from what an owner wrote or the object is something else,
 * `repository/unsupported` if a newer program wrote it.
 */
export function decodeDescription(bytes: Uint8Array): Description {
  const plain = parse(bytes);
  if (plain['version'] !== version || plain['suite'] !== suite) {
    throw new AppError(
      'repository/unsupported',
      `The repository has version ${String(plain['version'])} and suite ${String(plain['suite'])}, which this program does not know`,
      { hint: 'Use a newer version of Holdfast' },
    );
  }
  try {
    const description = fromPlain(plain);
    const signature = base64(plain['signature'], 64);
    if (!isValidSignature(description.ownerPublic, signedText(toPlain(description)), signature)) {
      throw new MalformedError('Signature is wrong');
    }
    const expected = toText({
      ...toPlain(description),
      signature: asBuffer(signature).toString('base64'),
    });
    if (!equalBytes(expected, bytes)) throw new MalformedError('Not in its canonical form');
    return description;
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    const { code, message, details } = damagedObject(descriptionName, cause);
    throw new AppError(code, message, { cause, details, hint: descriptionHint });
  }
}

/** What this program may do with a repository that uses these features. Throws an `AppError` (`repository/unsupported`) if nothing. */
export function accessFor(
  lists: readonly FeatureLists[],
  known: ReadonlySet<string> = new Set(),
): 'read-write' | 'read-only' {
  const unknown = (list: readonly string[]): string[] => list.filter((word) => !known.has(word));
  const unreadable = lists.flatMap((list) => unknown(list.requiredToRead));
  if (unreadable.length > 0) {
    throw new AppError(
      'repository/unsupported',
      `The repository uses ${unreadable.map((word) => `"${word}"`).join(', ')}, which this program does not know`,
      { hint: 'Use a newer version of Holdfast' },
    );
  }
  return lists.some((list) => unknown(list.requiredToWrite).length > 0)
    ? 'read-only'
    : 'read-write';
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value =
      bytes.length > maximumDescriptionSize
        ? undefined
        : JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw foreign(cause);
  }
  if (!isObject(value) || value['format'] !== 'holdfast') throw foreign();
  return value;
}

function foreign(cause?: unknown): AppError {
  return new AppError(
    'repository/damaged',
    `"${descriptionName}" does not describe a repository of Holdfast`,
    { cause, hint: `Is this the right place? If it is, ${descriptionHint}` },
  );
}

interface PlainDescription {
  readonly format: string;
  readonly version: number;
  readonly suite: number;
  readonly repository: string;
  readonly 'required-to-read': readonly string[];
  readonly 'required-to-write': readonly string[];
  readonly optional: readonly string[];
  readonly chunker: Readonly<Record<string, string | number>>;
  readonly 'owner-public': string;
  readonly 'meta-public': string;
  readonly 'data-public': string;
}

/** Keys in the order of the format. */
function toPlain({ features, chunker, ...description }: Description): PlainDescription {
  return {
    format: 'holdfast',
    version,
    suite,
    repository: toHex(description.repositoryId),
    'required-to-read': features.requiredToRead,
    'required-to-write': features.requiredToWrite,
    optional: features.optional,
    chunker: {
      kind: 'gear32',
      minimum: chunker.minimum,
      normal: chunker.normal,
      maximum: chunker.maximum,
      'strict-bits': chunker.strictBits,
      'loose-bits': chunker.looseBits,
    },
    'owner-public': asBuffer(description.ownerPublic).toString('base64'),
    'meta-public': asBuffer(description.metaPublic).toString('base64'),
    'data-public': asBuffer(description.dataPublic).toString('base64'),
  };
}

function fromPlain(plain: Record<string, unknown>): Description {
  return {
    repositoryId: hexadecimal(plain['repository'], 16),
    features: {
      requiredToRead: words(plain['required-to-read']),
      requiredToWrite: words(plain['required-to-write']),
      optional: words(plain['optional']),
    },
    chunker: chunkerParameters(plain['chunker']),
    ownerPublic: base64(plain['owner-public'], 32),
    metaPublic: base64(plain['meta-public'], 1216),
    dataPublic: base64(plain['data-public'], 1216),
  };
}

function chunkerParameters(value: unknown): ChunkerParameters {
  if (!isObject(value)) throw new MalformedError('No chunker parameters');
  if (value['kind'] !== 'gear32') {
    throw new AppError(
      'repository/unsupported',
      `The repository cuts files by "${String(value['kind'])}", which this program does not know`,
      { hint: 'Use a newer version of Holdfast' },
    );
  }
  const parameters: ChunkerParameters = {
    minimum: wholeNumber(value['minimum']),
    normal: wholeNumber(value['normal']),
    maximum: wholeNumber(value['maximum']),
    strictBits: wholeNumber(value['strict-bits']),
    looseBits: wholeNumber(value['loose-bits']),
  };
  const { minimum, normal, maximum, strictBits, looseBits } = parameters;
  const sizes = minimum >= 64 * kibibyte && minimum < normal && normal < maximum;
  const bits = looseBits >= 8 && looseBits < strictBits && strictBits <= 32;
  if (!sizes || !bits || maximum > 4 * kibibyte * kibibyte) {
    throw new MalformedError('Chunker parameters out of bounds');
  }
  return parameters;
}

function signedText(plain: PlainDescription): Uint8Array {
  const text = utf8(JSON.stringify(plain));
  return concatBytes(parts('holdfast/1', 'description'), sha256(text));
}

function toText(plain: object): Uint8Array {
  return utf8(`${JSON.stringify(plain, undefined, 2)}\n`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wholeNumber(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new MalformedError('A parameter is not a whole number');
  }
  return value;
}

function words(value: unknown): string[] {
  const valid = (word: unknown): word is string =>
    typeof word === 'string' && /^[a-z0-9-]{1,64}$/u.test(word);
  if (!Array.isArray(value) || !value.every(valid)) {
    throw new MalformedError('A list of features is not a list of words');
  }
  return value;
}

function base64(value: unknown, length: number): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(typeof value === 'string' ? value : '', 'base64'));
  if (bytes.length !== length) throw new MalformedError('A key has a wrong length');
  return bytes;
}

function hexadecimal(value: unknown, length: number): Uint8Array {
  if (typeof value !== 'string' || !new RegExp(`^[0-9a-f]{${length * 2}}$`, 'u').test(value)) {
    throw new MalformedError('The repository id is not one');
  }
  return fromHex(value);
}
