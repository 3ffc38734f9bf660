import assert from 'node:assert/strict';
import { argon2Sync } from 'node:crypto';
import { test } from 'node:test';

import { utf8 } from '../../../base/bytes.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { Secret } from '../../../base/secret.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { encodeHeader } from '../../../codec/encryption/object-header.ts';
import { PieceSealer } from '../../../codec/encryption/piece-cipher.ts';
import { openAgeSlot, sealAgeSlot } from './age-slot.ts';
import { deriveKeyRing, restrictKeyRing } from './key-ring.ts';
import { decodeOpenSlot, encodeOpenSlot } from './open-slot.ts';
import { openPassphraseSlot, sealPassphraseSlot, stretchingOf } from './passphrase-slot.ts';
import { StretchedAhead } from './stretched-ahead.ts';
import { type PassphraseCost, stretch } from './stretching.ts';
import type { Role } from './role.ts';
import { decodePayload, encodePayload, payloadOf, ringOf } from './slot-payload.ts';

const ring = deriveKeyRing(systemRandom(32), systemRandom(16));
const payload = payloadOf(ring, 'laptop', 1_700_000_000_000);
const passphrase = new Secret('correct horse');
const cheap: PassphraseCost = { memory: 19_456, passes: 1, lanes: 1 };
const roles: readonly Role[] = ['owner', 'reader', 'janitor', 'writer'];

test('a payload gives back the ring of every role', () => {
  for (const role of roles) {
    const restricted = restrictKeyRing(ring, role);
    const bytes = encodePayload(payloadOf(restricted, 'x', 1));
    assert.deepEqual(ringOf(decodePayload(bytes), ring), restricted);
  }
});

test('a payload of another repository, or with keys that do not fit, is refused', () => {
  const other = deriveKeyRing(systemRandom(32), ring.repositoryId);
  assert.throws(() => ringOf(payloadOf(other, '', 0), ring), MalformedError);
  assert.throws(() => ringOf({ ...payload, ownerPublic: other.ownerPublic }), MalformedError);
  assert.throws(() => ringOf({ ...payload, repositoryId: systemRandom(16) }), MalformedError);
  const reader = payloadOf(restrictKeyRing(ring, 'reader'), '', 0);
  const secrets = { ...reader.secrets, metaSeed: systemRandom(32) };
  assert.throws(() => ringOf({ ...reader, secrets }, ring), MalformedError);
  assert.throws(() => ringOf({ ...reader, secrets: {} }, ring), MalformedError);
});

test('labels are short and print', () => {
  for (const label of ['x'.repeat(65), 'ä'.repeat(33), 'a\nb', '\u001b[2J']) {
    assert.throws(() => payloadOf(ring, label, 0), AppError);
  }
});

test('a passphrase that cannot be made a key is told with what that takes', async () => {
  // No memory cannot be had everywhere; too little for its lanes is refused as well.
  const stretched = stretch(passphrase, { salt: systemRandom(32), memory: 8, passes: 1, lanes: 4 });
  await assert.rejects(stretched, (error) => {
    assert.ok(hasCode(error, 'internal'));
    assert.match(error.message, /^Cannot make a key of the passphrase: ./u);
    assert.match(error.hint ?? '', /^That takes 8.0 KiB of memory: /u);
    return true;
  });
});

test('a passphrase slot opens with its passphrase only', async () => {
  for (const role of roles) {
    const kept = payloadOf(restrictKeyRing(ring, role), 'x'.repeat(64), 2 ** 45);
    const slot = await sealPassphraseSlot(kept, passphrase, systemRandom, cheap);
    assert.equal(slot.length, 512);
    const opened = await openPassphraseSlot(slot, passphrase);
    assert.deepEqual(
      opened === undefined ? undefined : ringOf(opened, ring),
      restrictKeyRing(ring, role),
    );
    assert.equal(await openPassphraseSlot(slot, new Secret('correct hors')), undefined);
  }
});

test('a passphrase is the same however its accents are typed', async () => {
  const slot = await sealPassphraseSlot(payload, new Secret('caf\u00e9'), systemRandom, cheap);
  assert.notEqual(await openPassphraseSlot(slot, new Secret('cafe\u0301')), undefined);
});

test('a passphrase that is stretched ahead opens the slot that it was begun for', async () => {
  const slot = await sealPassphraseSlot(payload, passphrase, systemRandom, cheap);
  const other = await sealPassphraseSlot(payload, passphrase, systemRandom, cheap);
  const stretching = stretchingOf(slot);
  const ahead = new StretchedAhead(passphrase, stretching);
  const begun = ahead.keyFor(new Secret('correct horse'), stretching);
  assert.ok(begun);
  assert.equal(ahead.keyFor(passphrase, stretchingOf(slot)), begun);
  const { salt } = stretching;
  for (const change of [
    { salt: systemRandom(32) },
    { memory: 19_457 },
    { passes: 2 },
    { lanes: 2 },
  ])
    assert.equal(ahead.keyFor(passphrase, { ...stretching, ...change }), undefined);
  assert.equal(ahead.keyFor(new Secret('correct hors'), stretching), undefined);
  assert.deepEqual(salt, stretchingOf(slot).salt);
  assert.deepEqual(await openPassphraseSlot(slot, passphrase, ahead), payload);
  assert.deepEqual(await openPassphraseSlot(other, passphrase, ahead), payload);
  assert.equal(await openPassphraseSlot(slot, new Secret('wrong'), ahead), undefined);
  const wrong = new StretchedAhead(new Secret('wrong'), stretching);
  assert.equal(await openPassphraseSlot(slot, new Secret('wrong'), wrong), undefined);
  assert.deepEqual(await openPassphraseSlot(slot, passphrase, wrong), payload);
});

test('an empty passphrase is refused', async () => {
  await assert.rejects(
    sealPassphraseSlot(payload, new Secret(''), systemRandom, cheap),
    (error) => error instanceof AppError && error.code === 'input/invalid',
  );
});

test('every changed byte of a passphrase slot is refused', async () => {
  const slot = await sealPassphraseSlot(payload, passphrase, systemRandom, cheap);
  // Salt and commitment are alike for every byte, and each try costs an Argon2id: a few stand for all.
  const positions = [0, 7, 8, 9, 10, 11, 12, 19, 23, 24, 55, 56, 87, 88, 300, 495, 496, 511];
  for (const position of positions) {
    const changed = Uint8Array.from(slot);
    changed[position] = (changed[position] ?? 0) ^ 0x80;
    const opened = await openPassphraseSlot(changed, passphrase).catch((error: unknown) => {
      assert.ok(error instanceof MalformedError || error instanceof AppError, String(error));
      return undefined;
    });
    assert.equal(opened, undefined, `byte ${position}`);
  }
  await assert.rejects(openPassphraseSlot(slot.subarray(0, 511), passphrase), MalformedError);
});

test('a forged slot with a silly cost is refused untried', async () => {
  const slot = await sealPassphraseSlot(payload, passphrase, systemRandom, cheap);
  const forged = (change: (view: DataView) => void): Uint8Array => {
    const bytes = Uint8Array.from(slot);
    change(new DataView(bytes.buffer));
    return bytes;
  };
  const started = process.cpuUsage();
  for (const bytes of [
    forged((view) => view.setUint32(13, 19_455, true)),
    forged((view) => view.setUint32(13, 1_048_577, true)),
    forged((view) => view.setUint32(13, 0xffffffff, true)),
    forged((view) => view.setUint8(17, 0)),
    forged((view) => view.setUint8(17, 11)),
    forged((view) => view.setUint8(18, 0)),
    forged((view) => view.setUint8(18, 17)),
    forged((view) => view.setUint8(12, 2)),
  ]) {
    await assert.rejects(openPassphraseSlot(bytes, passphrase), MalformedError);
  }
  // No key was derived. Of this process alone: the machine may have other things to do.
  assert.ok(process.cpuUsage(started).user < 1_000_000);
});

test('a commitment that does not fit is no opening, even if the ciphertext is authentic', async () => {
  const slot = await sealPassphraseSlot(payload, passphrase, systemRandom, cheap);
  const forged = Uint8Array.from(slot);
  forged.fill(7, 56, 88);
  const { memory, passes, lanes } = cheap;
  const derived = argon2Sync('argon2id', {
    message: utf8('correct horse'),
    nonce: slot.subarray(24, 56),
    memory,
    passes,
    parallelism: lanes,
    tagLength: 64,
  });
  const sealer = new PieceSealer(derived.subarray(0, 32), sha256(forged.subarray(0, 88)));
  sealer.sealInto(new Uint8Array(408), forged, 88);
  assert.equal(await openPassphraseSlot(forged, passphrase), undefined);
});

test('an open slot opens, and every flipped bit is found', () => {
  const slot = encodeOpenSlot(payload);
  assert.equal(slot.length, 512);
  assert.deepEqual(decodeOpenSlot(slot), payload);
  for (let bit = 0; bit < slot.length * 8; bit++) {
    const changed = Uint8Array.from(slot);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(
      () => decodeOpenSlot(changed),
      (error) => error instanceof MalformedError || error instanceof AppError,
    );
  }
  assert.throws(() => decodeOpenSlot(slot.subarray(1)), MalformedError);
});

test('an age slot opens with its identity only, and holds what the tool shows', async () => {
  const age = await import('age-encryption');
  for (const [identity, role] of [
    [await age.generateX25519Identity(), 'owner'],
    [await age.generateHybridIdentity(), 'writer'],
  ] as const) {
    const restricted = restrictKeyRing(ring, role);
    const withHost = {
      ...payloadOf(restricted, 'für Ada', 5),
      host: { id: 'ab'.repeat(16), seed: systemRandom(32) },
    };
    const secrets = {
      ...withHost.secrets,
      ...(role === 'writer' ? { metaPublic: ring.metaPublic, dataPublic: ring.dataPublic } : {}),
    };
    const kept = { ...withHost, secrets };
    const slot = await sealAgeSlot(kept, await age.identityToRecipient(identity));
    const opened = await openAgeSlot(slot, new Secret(`# created today\n${identity}\n`));
    assert.deepEqual(opened === undefined ? undefined : ringOf(opened), restricted);
    assert.deepEqual(opened?.host, kept.host);
    assert.equal(opened?.label, 'für Ada');
    const stranger = await age.generateX25519Identity();
    assert.equal(await openAgeSlot(slot, new Secret(stranger)), undefined);
    const decrypter = new age.Decrypter();
    decrypter.addIdentity(identity);
    const content = await decrypter.decrypt(slot.subarray(12));
    assert.equal(content.length, 4096);
    const damaged = Uint8Array.from(slot);
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    await assert.rejects(openAgeSlot(damaged, new Secret(identity)), MalformedError);
  }
});

test('an age file that is no key slot, a recipient that is none, an identity file without one', async () => {
  const age = await import('age-encryption');
  const identity = await age.generateX25519Identity();
  const encrypter = new age.Encrypter();
  encrypter.addRecipient(await age.identityToRecipient(identity));
  const file = await encrypter.encrypt('{"holdfast":"something else"}');
  const slot = Uint8Array.from([...encodeHeader('key', 2), ...file]);
  await assert.rejects(openAgeSlot(slot, new Secret(identity)), MalformedError);
  await assert.rejects(openAgeSlot(slot, new Secret('# nothing')), AppError);
  await assert.rejects(openAgeSlot(slot, new Secret('age1xyz')), AppError);
  await assert.rejects(sealAgeSlot(payload, 'ssh-ed25519 AAAA'), AppError);
});
