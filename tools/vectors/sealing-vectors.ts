import { fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { parts, sha256 } from '../../src/codec/encryption/key-derivation.ts';
import { PieceSealer } from '../../src/codec/encryption/piece-cipher.ts';
import { assembleSlot, type CreatedSlot, type SlotKind } from '../../src/codec/encryption/slot.ts';
import { decapsulate, encapsulate, keyPairFromSeed } from '../../src/codec/encryption/x-wing.ts';
import { requireKey } from '../../src/repository/native/keys/key-ring.ts';
import { signedMessage } from '../../src/repository/native/objects/signed-body.ts';
import {
  counting,
  countingRandom,
  host,
  hostId,
  hostSeed,
  repositoryId,
  ring,
  root,
  runId,
} from './fixed-inputs.ts';

/**
 * X-Wing ciphertexts, in hexadecimal. Their ML-KEM half takes its randomness from OpenSSL, so they cannot be made again from fixed
 * inputs: they are made once, and everything else follows from them.
 */
export interface Encapsulations {
  readonly data: string;
  readonly meta: string;
  readonly final: string;
}

export function freshEncapsulations(): Encapsulations {
  const to = (publicKey: Uint8Array): string =>
    toHex(encapsulate(publicKey, countingRandom()).ciphertext);
  return { data: to(ring.dataPublic), meta: to(ring.metaPublic), final: to(ring.metaPublic) };
}

/** The slot of a kind, with the salt 00 01 02 …. */
export function fixedSlot(kind: SlotKind, encapsulations: Encapsulations): CreatedSlot {
  const seed = requireKey(ring, kind === 'data' ? 'dataSeed' : 'metaSeed');
  const ciphertext = fromHex(encapsulations[kind]);
  const sharedSecret = decapsulate(keyPairFromSeed(seed).secret, ciphertext);
  return assembleSlot(counting(0, 32), { sharedSecret, ciphertext }, kind, repositoryId);
}

/** Section 3 of the format. */
export function keyVectors(): Record<string, unknown> {
  return {
    root: toHex(root),
    repository: toHex(repositoryId),
    id: toHex(ring.idKey),
    chunk: toHex(requireKey(ring, 'chunkKey')),
    index: toHex(ring.indexKey),
    meta: toHex(requireKey(ring, 'metaSeed')),
    data: toHex(requireKey(ring, 'dataSeed')),
    owner: toHex(requireKey(ring, 'ownerSeed')),
    'meta-public': toHex(ring.metaPublic),
    'data-public': toHex(ring.dataPublic),
    'owner-public': toHex(ring.ownerPublic),
    host: { id: hostId, seed: toHex(hostSeed), public: toHex(host.publicKey) },
  };
}

/** Section 4 of the format. */
export function sealingVectors(encapsulations: Encapsulations): Record<string, unknown> {
  const key = counting(0x80, 32);
  const associatedData = counting(0xc0, 32);
  const sealer = new PieceSealer(key, associatedData);
  const record = utf8('a record');
  const context = { type: 'pending', repositoryId, objectId: runId } as const;
  const message = signedMessage(context, sha256(record));
  return {
    parts: { of: ['holdfast/1', 'sealed'], bytes: toHex(parts('holdfast/1', 'sealed')) },
    pieces: {
      key: toHex(key),
      'associated-data': toHex(associatedData),
      pieces: ['', 'first', 'second'].map((text) => ({
        plaintext: toHex(utf8(text)),
        stored: toHex(sealer.seal(utf8(text))),
      })),
    },
    encapsulations,
    slots: Object.fromEntries(
      (['data', 'meta', 'final'] as const).map((kind) => {
        const { slot, key: slotKey } = fixedSlot(kind, encapsulations);
        return [kind, { slot: toHex(slot), key: toHex(slotKey) }];
      }),
    ),
    signature: {
      type: context.type,
      'object-id': runId,
      record: toHex(record),
      message: toHex(message),
      signature: toHex(host.sign(message)),
    },
  };
}
