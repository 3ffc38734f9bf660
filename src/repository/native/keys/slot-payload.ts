import { fromHex, toHex } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { RecordReader, RecordWriter } from '../../../codec/binary/record.ts';
import { keyPairFromSeed } from '../../../codec/encryption/x-wing.ts';
import { deriveKeyRing, haveSamePublicKeys, type KeyRing } from './key-ring.ts';
import { roleNumber, roleOfNumber, type Role } from './role.ts';

/** What a key slot keeps (docs/formats/native.md, section 6): a role's secrets and a few words about them. */
export interface SlotPayload {
  readonly role: Role;
  readonly label: string;
  /** Milliseconds since 1970. */
  readonly created: number | undefined;
  readonly repositoryId: Uint8Array;
  readonly ownerPublic: Uint8Array;
  /** The secrets of the role: `root` alone for owners. */
  readonly secrets: SlotSecrets;
  /** Of a machine that a file was made for. */
  readonly host: { readonly id: string; readonly seed: Uint8Array } | undefined;
}

export interface SlotSecrets {
  readonly root?: Uint8Array | undefined;
  readonly idKey?: Uint8Array | undefined;
  readonly chunkKey?: Uint8Array | undefined;
  readonly indexKey?: Uint8Array | undefined;
  readonly metaSeed?: Uint8Array | undefined;
  readonly dataSeed?: Uint8Array | undefined;
  readonly metaPublic?: Uint8Array | undefined;
  readonly dataPublic?: Uint8Array | undefined;
}

/** Tags, names in JSON and sizes of the secrets. */
export const secretFields = [
  { key: 'root', tag: 6, json: 'root', size: 32 },
  { key: 'idKey', tag: 7, json: 'id', size: 32 },
  { key: 'chunkKey', tag: 8, json: 'chunk', size: 32 },
  { key: 'indexKey', tag: 9, json: 'index', size: 32 },
  { key: 'metaSeed', tag: 10, json: 'meta', size: 32 },
  { key: 'dataSeed', tag: 11, json: 'data', size: 32 },
  { key: 'metaPublic', tag: 12, json: 'meta-public', size: 1216 },
  { key: 'dataPublic', tag: 13, json: 'data-public', size: 1216 },
] as const satisfies readonly {
  key: keyof SlotSecrets;
  tag: number;
  json: string;
  size: number;
}[];

const tags = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] as const;
const maximumLabel = 64;

/** What a slot for this ring's role keeps. Throws an `AppError` (`input/invalid`) for a label that is too long or does not print. */
export function payloadOf(ring: KeyRing, label: string, created: number): SlotPayload {
  if (Buffer.byteLength(label, 'utf8') > maximumLabel || /\p{Cc}/u.test(label)) {
    throw new AppError(
      'input/invalid',
      `The label of a key has at most ${maximumLabel} bytes and no control characters`,
    );
  }
  const { role, repositoryId, ownerPublic, root, idKey, chunkKey, indexKey, metaSeed, dataSeed } =
    ring;
  const secrets: SlotSecrets =
    role === 'owner' ? { root } : { idKey, chunkKey, indexKey, metaSeed, dataSeed };
  return { role, label, created, repositoryId, ownerPublic, secrets, host: undefined };
}

/**
 * The ring that a payload stands for; `pinned` are the public keys in `holdfast`, if there is one. Throws a `MalformedError` if keys are
 * missing or do not belong together.
 */
export function ringOf(
  payload: SlotPayload,
  pinned?: Pick<KeyRing, 'repositoryId' | 'ownerPublic' | 'metaPublic' | 'dataPublic'>,
): KeyRing {
  const ring = payload.role === 'owner' ? ownerRing(payload) : partialRing(payload, pinned);
  const claimed = { ...ring, repositoryId: payload.repositoryId, ownerPublic: payload.ownerPublic };
  if (!haveSamePublicKeys(ring, claimed) || !haveSamePublicKeys(ring, pinned ?? ring)) {
    throw new MalformedError('The keys do not belong to this repository');
  }
  return ring;
}

export function encodePayload(payload: SlotPayload): Uint8Array {
  const writer = new RecordWriter()
    .number(1, roleNumber(payload.role))
    .text(2, payload.label)
    .number(3, payload.created)
    .field(4, payload.repositoryId)
    .field(5, payload.ownerPublic);
  for (const { key, tag } of secretFields) writer.field(tag, payload.secrets[key]);
  return writer
    .field(14, payload.host === undefined ? undefined : fromHex(payload.host.id))
    .field(15, payload.host?.seed)
    .take();
}

/** Throws a `MalformedError` for what is not a payload. The arrays are copies. */
export function decodePayload(bytes: Uint8Array): SlotPayload {
  const reader = new RecordReader(bytes, tags);
  const secrets: Record<string, Uint8Array> = {};
  for (const { key, tag, size } of secretFields) {
    if (reader.optional(tag) !== undefined) secrets[key] = copyOf(reader.exact(tag, size));
  }
  return {
    role: roleOfNumber(reader.number(1)),
    label: reader.optionalText(2) ?? '',
    created: reader.optionalNumber(3),
    repositoryId: copyOf(reader.exact(4, 16)),
    ownerPublic: copyOf(reader.exact(5, 32)),
    secrets,
    host:
      reader.optional(14) === undefined
        ? undefined
        : { id: toHex(reader.exact(14, 16)), seed: copyOf(reader.exact(15, 32)) },
  };
}

/** Not `slice`, which gives a view if the bytes are a `Buffer`. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}

function ownerRing({ secrets: { root }, repositoryId }: SlotPayload): KeyRing {
  return deriveKeyRing(required(root), repositoryId);
}

function partialRing(
  { role, repositoryId, ownerPublic, secrets }: SlotPayload,
  pinned: Pick<KeyRing, 'metaPublic' | 'dataPublic'> | undefined,
): KeyRing {
  const { metaSeed, dataSeed } = secrets;
  const publicOf = (seed: Uint8Array | undefined): Uint8Array | undefined =>
    seed === undefined ? undefined : keyPairFromSeed(seed).publicKey;
  return {
    role,
    repositoryId,
    idKey: required(secrets.idKey),
    chunkKey: role === 'writer' ? required(secrets.chunkKey) : secrets.chunkKey,
    indexKey: required(secrets.indexKey),
    metaSeed: role === 'writer' ? metaSeed : required(metaSeed),
    dataSeed: role === 'reader' ? required(dataSeed) : dataSeed,
    metaPublic: required(publicOf(metaSeed) ?? secrets.metaPublic ?? pinned?.metaPublic),
    dataPublic: required(publicOf(dataSeed) ?? secrets.dataPublic ?? pinned?.dataPublic),
    ownerSeed: undefined,
    ownerPublic,
    root: undefined,
  };
}

function required(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new MalformedError('A key that the role needs is missing');
  return bytes;
}
