import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { fromHex, toHex, utf8 } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { RecordWriter } from '../../../codec/binary/record.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { signerFromSeed } from '../../../codec/encryption/signature.ts';
import { keyPairFromSeed } from '../../../codec/encryption/x-wing.ts';
import { deriveKeyRing, ownerSigner, requireKey } from '../keys/key-ring.ts';
import type { Role } from '../keys/role.ts';
import { decodeAudit, encodeAudit, type Audit } from './audit.ts';
import { decodeFinal, encodeFinal, type Final, type FinalVerifying } from './final.ts';
import { decodeForget, encodeForget, type Forget } from './forget.ts';
import {
  decodeHostCertificate,
  encodeHostCertificate,
  type HostCertificate,
} from './host-certificate.ts';
import { decodeIndexObject, encodeIndexObject, type IndexObject } from './index-object.ts';
import { indexName } from './object-name.ts';
import { decodePending, encodePending, type Pending } from './pending.ts';
import { decodeSeal, encodeSeal, noPreviousSeal, sealMatches, type Seal } from './seal.ts';
import { decodeSettings, encodeSettings, newestSettings, type Settings } from './settings.ts';
import type { FindSigner, KnownSigner, ObjectSigner } from './signed-body.ts';
import {
  sealSigned,
  type NamedObject,
  type Signed,
  type Signing,
  type Verifying,
} from './signed-object.ts';
import { decodeTombstone, encodeTombstone, type Tombstone } from './tombstone.ts';

const ring = deriveKeyRing(systemRandom(32), systemRandom(16));
const elsewhere = deriveKeyRing(systemRandom(32), systemRandom(16));
const metaSecret = keyPairFromSeed(requireKey(ring, 'metaSeed')).secret;
const id = (): string => toHex(systemRandom(16));
const hash = (): string => toHex(systemRandom(32));

const known = new Map<string, KnownSigner>();
const findSigner: FindSigner = (signerId) => known.get(signerId);

function makeHost(
  role: Role,
  state: KnownSigner['state'] = 'active',
  revokedAfter?: number,
): ObjectSigner {
  const { publicKey, sign } = signerFromSeed(systemRandom(32));
  const hostId = id();
  known.set(hostId, { id: hostId, publicKey, role, state, revokedAfter });
  return { id: hostId, sign };
}

const ownerKey = ownerSigner(ring);
known.set(ownerKey.id, {
  id: ownerKey.id,
  publicKey: ring.ownerPublic,
  role: 'owner',
  state: 'active',
  revokedAfter: undefined,
});
const hosts: Readonly<Record<Role, ObjectSigner>> = {
  owner: makeHost('owner'),
  reader: makeHost('reader'),
  janitor: makeHost('janitor'),
  writer: makeHost('writer'),
};
const verifying: Verifying = { keys: ring, findSigner };
const finalVerifying: FinalVerifying = { repositoryId: ring.repositoryId, metaSecret, findSigner };
const by = (signer: ObjectSigner, keys = ring): Signing => ({ keys, signer, random: systemRandom });

const settings: Settings = {
  number: 3,
  id: id(),
  packTarget: 16 * 1024 * 1024,
  trust: 'audited',
  keepLast: 5,
  keepDays: 0,
  requiredToRead: ['parity'],
  requiredToWrite: [],
  optional: ['a', 'b'],
};
const certificate: HostCertificate = {
  id: id(),
  number: 2,
  publicKey: systemRandom(32),
  name: 'Rechner ä',
  role: 'writer',
  state: 'revoked',
  revokedAfter: 17,
  created: 1_700_000_000_000,
};
const seal: Seal = {
  snapshotId: id(),
  finalHash: hash(),
  runId: id(),
  hostId: hosts.writer.id,
  sequence: 7,
  previousSeal: noPreviousSeal,
  time: -5,
  sourceBytes: 2 ** 45,
  storedBytes: 0,
  entries: 3,
  settingsNumber: undefined,
  voided: [5, 300],
};
const forget: Forget = {
  id: id(),
  snapshots: [{ snapshotId: id(), hostId: id(), sequence: 1000, sealHash: hash() }],
  time: 12,
  merged: [id(), id()],
};
const pending: Pending = { runId: id(), number: 4, hostId: hosts.writer.id, time: 99 };
const tombstone: Tombstone = {
  runId: id(),
  packs: [hash(), hash()],
  snapshots: [id()],
  time: undefined,
};
const audit: Audit = {
  id: id(),
  verdicts: [
    { pack: hash(), table: hash(), good: true },
    { pack: hash(), table: hash(), good: false },
  ],
  time: 1,
};
const index: IndexObject = {
  packs: [{ name: systemRandom(32), size: 17_000_000, table: systemRandom(300) }],
  supersedes: [hash()],
};
const final: Final = {
  id: id(),
  root: systemRandom(50),
  started: 1_700_000_000_000,
  ended: 1_700_000_001_000,
  hostName: 'laptop',
  userName: 'ada',
  paths: [utf8('/home/ada'), Uint8Array.of(47, 255)],
  tags: ['a', 'b'],
  runId: id(),
  statistics: {
    files: 1,
    directories: 2,
    others: 3,
    bytes: 4,
    newFiles: 5,
    changedFiles: 6,
    unchangedFiles: 7,
    addedBytes: 8,
    storedBytes: 9,
    errors: 10,
  },
  program: 'holdfast 0.1.0',
  commonParent: utf8('/'),
  sourceKind: 'command',
};

/** One row for each kind of object: how it is made, how it is read, and who may sign it. */
interface Kind {
  readonly name: string;
  readonly value: unknown;
  readonly encode: (signer: ObjectSigner) => NamedObject;
  readonly decode: (name: string, bytes: Uint8Array) => Signed<unknown>;
  readonly decodeElsewhere: (name: string, bytes: Uint8Array) => Signed<unknown>;
  readonly signers: readonly ObjectSigner[];
}

function kind<Value>(
  name: string,
  value: Value,
  encode: (value: Value, signing: Signing) => NamedObject,
  decode: (name: string, bytes: Uint8Array, verifying: Verifying) => Signed<Value>,
  signers: readonly ObjectSigner[],
): Kind {
  return {
    name,
    value,
    encode: (signer) => encode(value, by(signer)),
    decode: (objectName, bytes) => decode(objectName, bytes, verifying),
    decodeElsewhere: (objectName, bytes) =>
      decode(objectName, bytes, {
        keys: { ...ring, repositoryId: elsewhere.repositoryId },
        findSigner,
      }),
    signers,
  };
}

const anybody = [hosts.owner, hosts.reader, hosts.janitor, hosts.writer, ownerKey];
const kinds: readonly Kind[] = [
  kind('settings', settings, encodeSettings, decodeSettings, [ownerKey]),
  kind('host certificate', certificate, encodeHostCertificate, decodeHostCertificate, [ownerKey]),
  kind('seal', seal, encodeSeal, decodeSeal, [hosts.writer]),
  kind('forget', forget, encodeForget, decodeForget, [ownerKey, hosts.owner, hosts.janitor]),
  kind('pending', pending, encodePending, decodePending, anybody),
  kind('tombstone', tombstone, encodeTombstone, decodeTombstone, [
    ownerKey,
    hosts.owner,
    hosts.janitor,
  ]),
  kind('audit', audit, encodeAudit, decodeAudit, [ownerKey, hosts.owner, hosts.reader]),
  kind('index object', index, encodeIndexObject, decodeIndexObject, anybody),
  {
    name: 'final',
    value: final,
    encode: (signer) =>
      encodeFinal(final, {
        repositoryId: ring.repositoryId,
        metaPublic: ring.metaPublic,
        signer,
        random: systemRandom,
      }),
    decode: (name, bytes) => decodeFinal(name, bytes, finalVerifying),
    decodeElsewhere: (name, bytes) =>
      decodeFinal(name, bytes, { ...finalVerifying, repositoryId: elsewhere.repositoryId }),
    signers: anybody,
  },
];

function refused(call: () => unknown, pattern?: RegExp): void {
  assert.throws(call, (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.ok(['repository/damaged', 'repository/unsupported'].includes(error.code), error.code);
    if (pattern !== undefined) assert.match(error.message, pattern);
    return true;
  });
}

for (const object of kinds) {
  describe(object.name, () => {
    const [signer = ownerKey] = object.signers;
    let made: NamedObject;
    before(() => {
      made = object.encode(signer);
    });

    test('comes back as it was, with its signer', () => {
      const decoded = object.decode(made.name, made.bytes);
      assert.deepEqual(decoded.value, object.value);
      assert.equal(decoded.signer.id, signer.id);
    });

    test('every flipped bit and every truncation is refused, with the name', () => {
      for (let position = 0; position < made.bytes.length; position++) {
        const changed = Uint8Array.from(made.bytes);
        changed[position] = (changed[position] ?? 0) ^ (1 << (position & 7));
        refused(() => object.decode(made.name, changed), new RegExp(made.name, 'u'));
      }
      for (let length = 0; length < made.bytes.length; length += 7) {
        refused(() => object.decode(made.name, made.bytes.subarray(0, length)));
      }
      refused(() => object.decode(made.name, Uint8Array.from([...made.bytes, 0])));
    });

    test('is refused under another name and in another repository', () => {
      for (const name of otherNames(made.name)) refused(() => object.decode(name, made.bytes));
      refused(() => object.decodeElsewhere(made.name, made.bytes));
    });

    test('is refused as any other kind', () => {
      for (const other of kinds) {
        if (other === object) continue;
        const { name } = other.encode(other.signers[0] ?? ownerKey);
        refused(() => other.decode(name, made.bytes));
        refused(() => other.decode(made.name, made.bytes));
      }
    });

    test('counts from those who may sign it only', () => {
      const stranger: ObjectSigner = { id: id(), sign: signerFromSeed(systemRandom(32)).sign };
      refused(() => decodeBy(stranger), /no valid certificate/u);
      const impostor: ObjectSigner = { id: signer.id, sign: stranger.sign };
      refused(() => decodeBy(impostor), /Signature/u);
      for (const candidate of anybody) {
        if (object.signers.includes(candidate)) {
          assert.equal(decodeBy(candidate).signer.id, candidate.id);
        } else refused(() => decodeBy(candidate), /Signed by/u);
      }
      function decodeBy(candidate: ObjectSigner): Signed<unknown> {
        const { name, bytes } = object.encode(candidate);
        return object.decode(name, bytes);
      }
    });
  });
}

/** Names of the same kind that the object does not have. */
function otherNames(name: string): string[] {
  const names = [
    name.replace(/[0-9a-f]{32,}/u, (digits) => (digits.length === 64 ? hash() : id())),
  ];
  const numbered = /^(settings\/)(\d+)(-.*)$|^(.*[.-])(\d+)$/u.exec(name);
  if (numbered?.[1] !== undefined) names.push(`settings/9${numbered[3] ?? ''}`);
  if (numbered?.[4] !== undefined) names.push(`${numbered[4]}9`);
  return names;
}

test('a revoked host signs nothing that takes away, and seals up to its last number', () => {
  const revoked = makeHost('janitor', 'revoked', 6);
  const forgotten = encodeForget(forget, by(revoked));
  refused(() => decodeForget(forgotten.name, forgotten.bytes, verifying), /revoked/u);
  for (const [sequence, counts] of [
    [6, true],
    [7, false],
  ] as const) {
    const { name, bytes } = encodeSeal({ ...seal, hostId: revoked.id, sequence }, by(revoked));
    if (counts) assert.equal(decodeSeal(name, bytes, verifying).value.sequence, sequence);
    else refused(() => decodeSeal(name, bytes, verifying), /revoked/u);
  }
});

test('a seal matches the final of its own host, and any that an owner or janitor adopts', () => {
  for (const [signer, adopts] of [
    [hosts.writer, false],
    [hosts.reader, false],
    [hosts.janitor, true],
    [hosts.owner, true],
  ] as const) {
    const { name, bytes } = encodeSeal({ ...seal, hostId: signer.id }, by(signer));
    const signed = decodeSeal(name, bytes, verifying);
    assert.equal(sealMatches(signed, seal.finalHash, signer.id), true);
    assert.equal(sealMatches(signed, seal.finalHash, id()), adopts);
    assert.equal(sealMatches(signed, hash(), signer.id), false);
  }
});

test('a record with an unknown mandatory field is refused, with an unknown optional one read', () => {
  for (const [tag, readable] of [
    [0x30, true],
    [0x80, false],
  ] as const) {
    const record = new RecordWriter()
      .field(1, fromHex(pending.runId))
      .field(2, fromHex(pending.hostId))
      .number(4, 4)
      .field(tag, utf8('later'))
      .take();
    const name = `pending/${pending.runId}-4`;
    const bytes = sealSigned('pending', pending.runId, record, by(hosts.writer));
    if (readable) assert.equal(decodePending(name, bytes, verifying).value.number, 4);
    else refused(() => decodePending(name, bytes, verifying), /newer program/u);
  }
});

test('a newer version is called that, not damage', () => {
  const { name, bytes } = encodePending(pending, by(hosts.writer));
  bytes[9] = 2;
  assert.throws(
    () => decodePending(name, bytes, verifying),
    (error) => error instanceof AppError && error.code === 'repository/unsupported',
  );
});

test('an index object made by somebody without the index key is refused', () => {
  const { bytes } = encodeIndexObject(index, by(hosts.writer, elsewhere));
  refused(() => decodeIndexObject(indexName(toHex(sha256(bytes))), bytes, verifying));
});

test('of settings the largest number counts, then the larger id', () => {
  const one = { ...settings, number: 1, id: 'f'.repeat(32) };
  const two = { ...settings, number: 2, id: 'a'.repeat(32) };
  const three = { ...settings, number: 2, id: 'b'.repeat(32) };
  assert.equal(newestSettings([one, three, two]), three);
  assert.equal(newestSettings([]), undefined);
});
