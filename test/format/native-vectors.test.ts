import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { Secret } from '../../src/base/secret.ts';
import { PieceOpener } from '../../src/codec/encryption/piece-cipher.ts';
import { isValidSignature } from '../../src/codec/encryption/signature.ts';
import { openSlot, type SlotKind } from '../../src/codec/encryption/slot.ts';
import { keyPairFromSeed } from '../../src/codec/encryption/x-wing.ts';
import { openAgeSlot } from '../../src/repository/native/keys/age-slot.ts';
import { decodeDescription } from '../../src/repository/native/keys/description.ts';
import {
  deriveKeyRing,
  haveSamePublicKeys,
  requireKey,
} from '../../src/repository/native/keys/key-ring.ts';
import { decodeOpenSlot } from '../../src/repository/native/keys/open-slot.ts';
import { openPassphraseSlot } from '../../src/repository/native/keys/passphrase-slot.ts';
import { parseRecoverySheet } from '../../src/repository/native/keys/recovery-sheet.ts';
import {
  decodePayload,
  ringOf,
  type SlotPayload,
} from '../../src/repository/native/keys/slot-payload.ts';
import { decodeAudit } from '../../src/repository/native/objects/audit.ts';
import { decodeFinal } from '../../src/repository/native/objects/final.ts';
import { decodeForget } from '../../src/repository/native/objects/forget.ts';
import { decodeHostCertificate } from '../../src/repository/native/objects/host-certificate.ts';
import { decodeIndexObject } from '../../src/repository/native/objects/index-object.ts';
import { decodePending } from '../../src/repository/native/objects/pending.ts';
import { decodeSeal, sealMatches } from '../../src/repository/native/objects/seal.ts';
import { decodeSettings } from '../../src/repository/native/objects/settings.ts';
import { ownerSignerId, type FindSigner } from '../../src/repository/native/objects/signed-body.ts';
import { decodeTombstone } from '../../src/repository/native/objects/tombstone.ts';
import { makeVectors, readKeptVectors, vectorFile } from '../../tools/vectors/vector-file.ts';

interface ObjectVector {
  readonly name: string;
  readonly bytes: string;
}

interface VectorFile {
  readonly keys: Readonly<Record<string, string>> & {
    readonly host: { readonly id: string; readonly public: string };
  };
  readonly sealing: {
    readonly pieces: {
      readonly key: string;
      readonly 'associated-data': string;
      readonly pieces: readonly { readonly plaintext: string; readonly stored: string }[];
    };
    readonly slots: Readonly<Record<SlotKind, { readonly slot: string; readonly key: string }>>;
    readonly signature: { readonly message: string; readonly signature: string };
  };
  readonly description: string;
  readonly 'key-slots': {
    readonly payloads: Readonly<Record<string, string>>;
    readonly passphrase: { readonly passphrase: string; readonly bytes: string };
    readonly open: { readonly bytes: string };
    readonly 'public-key': { readonly identity: string; readonly bytes: string };
    readonly recovery: string;
  };
  readonly objects: Readonly<Record<string, ObjectVector>>;
}

const file = JSON.parse(readFileSync(vectorFile, 'utf8')) as VectorFile;
const { keys, sealing, objects } = file;
const slots = file['key-slots'];
const ring = deriveKeyRing(bytesOf(keys['root']), bytesOf(keys['repository']));

function bytesOf(text: string | undefined): Uint8Array {
  assert.ok(text !== undefined && text !== '');
  return fromHex(text);
}

test('what is written today is what was always written', async () => {
  const made: unknown = JSON.parse(JSON.stringify(await makeVectors(await readKeptVectors())));
  for (const [section, value] of Object.entries(made as Record<string, unknown>)) {
    assert.deepEqual(value, (file as unknown as Record<string, unknown>)[section], section);
  }
});

test('keys follow from the root', () => {
  assert.equal(toHex(ring.idKey), keys['id']);
  assert.equal(toHex(requireKey(ring, 'chunkKey')), keys['chunk']);
  assert.equal(toHex(ring.indexKey), keys['index']);
  assert.equal(toHex(requireKey(ring, 'metaSeed')), keys['meta']);
  assert.equal(toHex(requireKey(ring, 'dataSeed')), keys['data']);
  assert.equal(toHex(requireKey(ring, 'ownerSeed')), keys['owner']);
  assert.equal(toHex(ring.metaPublic), keys['meta-public']);
  assert.equal(toHex(ring.dataPublic), keys['data-public']);
  assert.equal(toHex(ring.ownerPublic), keys['owner-public']);
});

test('pieces, slots and signatures open', () => {
  const { pieces } = sealing;
  const opener = new PieceOpener(bytesOf(pieces.key), bytesOf(pieces['associated-data']));
  for (const [number, { plaintext, stored }] of pieces.pieces.entries()) {
    assert.equal(toHex(opener.open(number, bytesOf(stored))), plaintext);
  }
  for (const kind of ['data', 'meta', 'final'] as const) {
    const { secret } = keyPairFromSeed(requireKey(ring, kind === 'data' ? 'dataSeed' : 'metaSeed'));
    const { slot, key } = sealing.slots[kind];
    assert.equal(toHex(openSlot(secret, bytesOf(slot), kind, ring.repositoryId)), key);
  }
  const { message, signature } = sealing.signature;
  assert.ok(isValidSignature(bytesOf(keys.host.public), bytesOf(message), bytesOf(signature)));
});

test('"holdfast" is read', () => {
  assert.ok(haveSamePublicKeys(decodeDescription(utf8(file.description)), ring));
});

test('every key slot opens', async () => {
  const { passphrase, open, 'public-key': age } = slots;
  const payloads: (SlotPayload | undefined)[] = [
    await openPassphraseSlot(bytesOf(passphrase.bytes), new Secret(passphrase.passphrase)),
    decodeOpenSlot(bytesOf(open.bytes)),
    await openAgeSlot(bytesOf(age.bytes), new Secret(age.identity)),
    decodePayload(bytesOf(slots.payloads['owner'])),
  ];
  for (const payload of payloads) {
    assert.ok(payload !== undefined);
    assert.equal(payload.label, 'laptop');
    assert.deepEqual(ringOf(payload), ring);
  }
  for (const role of ['reader', 'janitor', 'writer']) {
    assert.equal(ringOf(decodePayload(bytesOf(slots.payloads[role])), ring).role, role);
  }
  assert.deepEqual(parseRecoverySheet(slots.recovery).root, ring.root);
});

describe('objects', () => {
  const findSigner: FindSigner = (id) => {
    const publicKey = id === ownerSignerId ? ring.ownerPublic : bytesOf(keys.host.public);
    if (id !== ownerSignerId && id !== keys.host.id) return undefined;
    return { id, publicKey, role: 'owner', state: 'active', revokedAfter: undefined };
  };
  const verifying = { keys: ring, findSigner };

  for (const [type, decode] of Object.entries({
    settings: decodeSettings,
    host: decodeHostCertificate,
    index: decodeIndexObject,
    seal: decodeSeal,
    forget: decodeForget,
    pending: decodePending,
    tombstone: decodeTombstone,
    audit: decodeAudit,
  })) {
    test(`${type} is read`, () => {
      const vector = objects[type];
      assert.ok(vector !== undefined);
      decode(vector.name, bytesOf(vector.bytes), verifying);
    });
  }

  test('final is read, and its seal matches', () => {
    const { final, seal } = objects;
    assert.ok(final !== undefined && seal !== undefined);
    const { secret } = keyPairFromSeed(requireKey(ring, 'metaSeed'));
    const signed = decodeFinal(final.name, bytesOf(final.bytes), {
      repositoryId: ring.repositoryId,
      metaSecret: secret,
      findSigner,
    });
    assert.deepEqual(signed.value.tags, ['daily']);
    const sealed = decodeSeal(seal.name, bytesOf(seal.bytes), verifying);
    assert.ok(sealMatches(sealed, sealed.value.finalHash, signed.signer.id));
  });
});
