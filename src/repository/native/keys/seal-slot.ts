import type { RandomBytes } from '../../../base/random.ts';
import type { Secret } from '../../../base/secret.ts';
import { sealAgeSlot } from './age-slot.ts';
import { encodeOpenSlot } from './open-slot.ts';
import { sealPassphraseSlot } from './passphrase-slot.ts';
import type { PassphraseCost } from './stretching.ts';
import type { SlotPayload } from './slot-payload.ts';

/** What a new key slot is to be opened with. */
export type SlotProtection =
  | {
      readonly kind: 'passphrase';
      readonly passphrase: Secret;
      readonly cost?: PassphraseCost | undefined;
    }
  /** An age recipient, `age1…`. */
  | { readonly kind: 'public key'; readonly recipient: string }
  /** By anyone. */
  | { readonly kind: 'open' };

/** The bytes of a new slot. */
export async function sealSlot(
  payload: SlotPayload,
  protection: SlotProtection,
  random: RandomBytes,
): Promise<Uint8Array> {
  switch (protection.kind) {
    case 'passphrase':
      return await sealPassphraseSlot(payload, protection.passphrase, random, protection.cost);
    case 'public key':
      return await sealAgeSlot(payload, protection.recipient);
    case 'open':
      return encodeOpenSlot(payload);
  }
}
