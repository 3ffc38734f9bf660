import { toHex } from '../../src/base/bytes.ts';
import { Secret } from '../../src/base/secret.ts';
import { sealAgeSlot } from '../../src/repository/native/keys/age-slot.ts';
import {
  describeRepository,
  encodeDescription,
} from '../../src/repository/native/keys/description.ts';
import { restrictKeyRing } from '../../src/repository/native/keys/key-ring.ts';
import { encodeOpenSlot } from '../../src/repository/native/keys/open-slot.ts';
import { sealPassphraseSlot } from '../../src/repository/native/keys/passphrase-slot.ts';
import { recoveryCode } from '../../src/repository/native/keys/recovery-sheet.ts';
import { encodePayload, payloadOf } from '../../src/repository/native/keys/slot-payload.ts';
import { countingRandom, passphrase, ring, time } from './fixed-inputs.ts';

/** An age file, which cannot be made again from fixed inputs. */
export interface AgeSlotVector {
  readonly identity: string;
  readonly bytes: string;
}

const payload = payloadOf(ring, 'laptop', time);

export async function freshAgeSlot(): Promise<AgeSlotVector> {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption');
  const identity = await generateX25519Identity();
  const bytes = await sealAgeSlot(payload, await identityToRecipient(identity));
  return { identity, bytes: toHex(bytes) };
}

/** Section 5 of the format: the text of `holdfast`. */
export function descriptionVector(): string {
  return Buffer.from(encodeDescription(describeRepository(ring), ring)).toString('utf8');
}

/** Section 6 of the format. */
export async function keySlotVectors(ageSlot: AgeSlotVector): Promise<Record<string, unknown>> {
  const cost = { memory: 19_456, passes: 1, lanes: 1 };
  const sealed = await sealPassphraseSlot(payload, new Secret(passphrase), countingRandom(), cost);
  const roles = ['owner', 'reader', 'janitor', 'writer'] as const;
  return {
    payloads: Object.fromEntries(
      roles.map((role) => {
        const rolePayload = payloadOf(restrictKeyRing(ring, role), 'laptop', time);
        return [role, toHex(encodePayload(rolePayload))];
      }),
    ),
    passphrase: { passphrase, bytes: toHex(sealed) },
    open: { bytes: toHex(encodeOpenSlot(payload)) },
    'public-key': ageSlot,
    recovery: recoveryCode(ring),
  };
}
