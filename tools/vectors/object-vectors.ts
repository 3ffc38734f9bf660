import { toHex, utf8 } from '../../src/base/bytes.ts';
import { openBody } from '../../src/codec/encryption/padded-plaintext.ts';
import { sha256 } from '../../src/codec/encryption/key-derivation.ts';
import { headerSize } from '../../src/codec/encryption/object-header.ts';
import { PieceOpener } from '../../src/codec/encryption/piece-cipher.ts';
import { openObject, type SealedType } from '../../src/codec/encryption/sealed-object.ts';
import { slotSize } from '../../src/codec/encryption/slot.ts';
import { ownerSigner } from '../../src/repository/native/keys/key-ring.ts';
import { encodeAudit } from '../../src/repository/native/objects/audit.ts';
import { encodeFinalWithSlot } from '../../src/repository/native/objects/final.ts';
import { encodeForget } from '../../src/repository/native/objects/forget.ts';
import { encodeHostCertificate } from '../../src/repository/native/objects/host-certificate.ts';
import { encodeIndexObject } from '../../src/repository/native/objects/index-object.ts';
import { encodePending } from '../../src/repository/native/objects/pending.ts';
import { encodeSeal, noPreviousSeal } from '../../src/repository/native/objects/seal.ts';
import { encodeSettings } from '../../src/repository/native/objects/settings.ts';
import type { ObjectSigner } from '../../src/repository/native/objects/signed-body.ts';
import type { NamedObject, Signing } from '../../src/repository/native/objects/signed-object.ts';
import { encodeTombstone } from '../../src/repository/native/objects/tombstone.ts';
import {
  counting,
  countingRandom,
  host,
  hostId,
  repeated,
  repositoryId,
  ring,
  runId,
  snapshotId,
  time,
} from './fixed-inputs.ts';
import { fixedSlot, type Encapsulations } from './sealing-vectors.ts';

/** A tree entry of type directory with the name "." and a reference that holds nothing. */
const rootEntry = Uint8Array.of(2, 1, 0x2e, 0, 0, 0, 0, 0, 3, 2, 0, 0);

/** Sections 9 to 13 of the format: one object of every type, with its name, its bytes and the signed body inside. */
export function objectVectors(encapsulations: Encapsulations): Record<string, unknown> {
  const final = finalObject(encapsulations);
  const objects: Record<string, unknown> = {};
  for (const [type, object] of Object.entries(sealedObjects(final))) {
    objects[type] = describe(object, openObject(ring, type as SealedType, object.bytes));
  }
  objects['final'] = describe(final, finalBody(final, encapsulations));
  return objects;
}

function sealedObjects(final: NamedObject): Record<SealedType, NamedObject> {
  const by = (signer: ObjectSigner): Signing => ({ keys: ring, signer, random: countingRandom() });
  return {
    settings: encodeSettings(
      {
        number: 1,
        id: repeated(0x55, 16),
        packTarget: 16 * 1024 * 1024,
        trust: 'all',
        keepLast: 3,
        keepDays: 7,
        requiredToRead: [],
        requiredToWrite: [],
        optional: ['example'],
      },
      by(ownerSigner(ring)),
    ),
    host: encodeHostCertificate(
      {
        id: hostId,
        number: 1,
        publicKey: host.publicKey,
        name: 'laptop',
        role: 'owner',
        state: 'active',
        revokedAfter: undefined,
        created: time,
      },
      by(ownerSigner(ring)),
    ),
    index: encodeIndexObject(
      {
        packs: [{ name: counting(0x10, 32), size: 20_000_000, table: counting(0x60, 100) }],
        supersedes: [repeated(0x66, 32)],
      },
      by(host),
    ),
    seal: encodeSeal(
      {
        snapshotId,
        finalHash: toHex(sha256(final.bytes)),
        runId,
        hostId,
        sequence: 1,
        previousSeal: noPreviousSeal,
        time: time + 60_000,
        sourceBytes: 1_000_000,
        storedBytes: 400_000,
        entries: 12,
        settingsNumber: 1,
        voided: [],
      },
      by(host),
    ),
    forget: encodeForget(
      {
        id: repeated(0x77, 16),
        snapshots: [{ snapshotId, hostId, sequence: 1, sealHash: repeated(0x88, 32) }],
        time,
        merged: [repeated(0x99, 16)],
      },
      by(host),
    ),
    pending: encodePending({ runId, number: 0, hostId, time }, by(host)),
    tombstone: encodeTombstone(
      { runId, packs: [repeated(0xaa, 32)], snapshots: [snapshotId], time },
      by(host),
    ),
    audit: encodeAudit(
      {
        id: repeated(0xbb, 16),
        verdicts: [
          { pack: repeated(0xcc, 32), table: repeated(0xdd, 32), good: true },
          { pack: repeated(0xee, 32), table: repeated(0xff, 32), good: false },
        ],
        time,
      },
      by(host),
    ),
  };
}

function finalObject(encapsulations: Encapsulations): NamedObject {
  return encodeFinalWithSlot(
    {
      id: snapshotId,
      root: rootEntry,
      started: time,
      ended: time + 60_000,
      hostName: 'laptop',
      userName: 'ada',
      paths: [utf8('/home/ada')],
      tags: ['daily'],
      runId,
      statistics: {
        files: 10,
        directories: 2,
        others: 0,
        bytes: 1_000_000,
        newFiles: 10,
        changedFiles: 0,
        unchangedFiles: 0,
        addedBytes: 900_000,
        storedBytes: 400_000,
        errors: 0,
      },
      program: 'holdfast 0.1.0',
      commonParent: undefined,
      sourceKind: 'files',
    },
    fixedSlot('final', encapsulations),
    repositoryId,
    host,
  );
}

function finalBody({ bytes }: NamedObject, encapsulations: Encapsulations): Uint8Array {
  const head = bytes.subarray(0, headerSize + slotSize);
  const { key } = fixedSlot('final', encapsulations);
  return openBody(new PieceOpener(key, sha256(head)), bytes.subarray(head.length));
}

function describe({ name, bytes }: NamedObject, body: Uint8Array): Record<string, string> {
  return { name, body: toHex(body), bytes: toHex(bytes) };
}
