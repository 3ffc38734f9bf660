import { asBuffer, concatBytes, fromHex, toHex, utf8 } from '../../../base/bytes.ts';
import { AppError, messageOf } from '../../../base/errors.ts';
import type { Secret } from '../../../base/secret.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { decodeHeader, encodeHeader, headerSize } from '../../../codec/encryption/object-header.ts';
import { isRole } from './role.ts';
import { secretFields, type SlotPayload, type SlotSecrets } from './slot-payload.ts';

/** A slot for a public key: after the header an age file, which the tool `age` opens as well. */
export const ageSlotKind = 2;

const contentSize = 4096;
/** Far more than any recipient makes of 4096 bytes. */
const maximumSlot = 16 * 1024;
const formatName = 'key slot';

/** A slot for an age recipient (`age1…`). Throws an `AppError` (`input/invalid`) for what is not one. */
export async function sealAgeSlot(payload: SlotPayload, recipient: string): Promise<Uint8Array> {
  const json = utf8(JSON.stringify(toJson(payload)));
  if (json.length > contentSize) throw new RangeError('Payload too large for its slot');
  const content = new Uint8Array(contentSize).fill(0x20);
  content.set(json);
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  try {
    encrypter.addRecipient(recipient.trim());
  } catch (cause) {
    throw new AppError('input/invalid', `"${recipient.trim()}" is not an age recipient`, {
      cause,
      hint: 'A recipient begins with "age1"; "age-keygen -y" prints it',
    });
  }
  const file = await encrypter.encrypt(content);
  return concatBytes(encodeHeader('key', ageSlotKind), file);
}

/**
 * What the slot keeps; `undefined` if none of the identities opens it. `identityFile` is the text of an age identity file.
 * Throws a `MalformedError` if the slot is damaged, and an `AppError` (`input/invalid`) for a file without identities.
 */
export async function openAgeSlot(
  slot: Uint8Array,
  identityFile: Secret,
): Promise<SlotPayload | undefined> {
  if (slot.length > maximumSlot) throw new MalformedError('Key slot is too large');
  if (decodeHeader(slot, 'key') !== ageSlotKind) throw new MalformedError('Not an age slot');
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  for (const identity of identitiesIn(identityFile)) {
    try {
      decrypter.addIdentity(identity);
    } catch (cause) {
      throw new AppError(
        'input/invalid',
        'The identity file holds something else than identities',
        {
          cause,
        },
      );
    }
  }
  let content: Uint8Array;
  try {
    content = await decrypter.decrypt(slot.subarray(headerSize));
  } catch (cause) {
    if (messageOf(cause).startsWith('no identity matched')) return undefined;
    throw new MalformedError('Key slot is damaged', { cause });
  }
  return fromJson(content);
}

function identitiesIn(identityFile: Secret): string[] {
  const identities = identityFile
    .reveal()
    .split(/\r?\n/u)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (identities.length === 0) {
    throw new AppError('input/invalid', 'The identity file holds no identity', {
      hint: 'It should hold a line that begins with "AGE-SECRET-KEY-"',
    });
  }
  return identities;
}

function toJson(payload: SlotPayload): Record<string, unknown> {
  const json: Record<string, unknown> = {
    holdfast: formatName,
    role: payload.role,
    label: payload.label,
    created: payload.created,
    repository: toHex(payload.repositoryId),
    'owner-public': asBuffer(payload.ownerPublic).toString('base64'),
  };
  for (const { key, json: name } of secretFields) {
    const value = payload.secrets[key];
    if (value !== undefined) json[name] = asBuffer(value).toString('base64');
  }
  if (payload.host !== undefined) {
    json['host'] = payload.host.id;
    json['host-key'] = asBuffer(payload.host.seed).toString('base64');
  }
  return json;
}

function fromJson(content: Uint8Array): SlotPayload {
  let json: unknown;
  try {
    json = JSON.parse(asBuffer(content).toString('utf8'));
  } catch (cause) {
    throw new MalformedError('Key slot holds no JSON', { cause });
  }
  if (typeof json !== 'object' || json === null) throw new MalformedError('Key slot is damaged');
  const fields = new Map<string, unknown>(Object.entries(json));
  const role = fields.get('role');
  const label = fields.get('label');
  const created = fields.get('created');
  if (fields.get('holdfast') !== formatName || !isRole(role)) {
    throw new MalformedError('The age file is not a key slot');
  }
  const secrets: Record<string, Uint8Array> = {};
  for (const { key, json: name, size } of secretFields) {
    if (fields.has(name)) secrets[key] = base64(fields.get(name), size);
  }
  const hostId = fields.get('host');
  return {
    role,
    label: typeof label === 'string' ? label : '',
    created: typeof created === 'number' ? created : undefined,
    repositoryId: fromHex(identifier(fields.get('repository'))),
    ownerPublic: base64(fields.get('owner-public'), 32),
    secrets: secrets satisfies SlotSecrets,
    host:
      hostId === undefined
        ? undefined
        : { id: identifier(hostId), seed: base64(fields.get('host-key'), 32) },
  };
}

function identifier(value: unknown): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{32}$/u.test(value)) {
    throw new MalformedError('Key slot holds no valid id');
  }
  return value;
}

function base64(value: unknown, size: number): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(typeof value === 'string' ? value : '', 'base64'));
  if (bytes.length !== size) throw new MalformedError('A key has a wrong length');
  return bytes;
}
