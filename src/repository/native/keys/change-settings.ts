import type { CallOptions } from '../../../base/call-options.ts';
import { toHex } from '../../../base/bytes.ts';
import type { Access } from '../access.ts';
import { encodeSettings, type Settings } from '../objects/settings.ts';
import { ownerSigner } from './key-ring.ts';

/**
 * Publishes new settings: those that count, with some of them changed. They count from the next opening on. Throws an `AppError`
 * (`repository/not-permitted`) for other roles than owner.
 */
export async function changeSettings(
  { storage, keys, random, settings }: Access,
  changes: Partial<Pick<Settings, 'packTarget' | 'keepLast' | 'keepDays'>>,
  { signal }: CallOptions = {},
): Promise<void> {
  const next = { ...settings, ...changes, number: settings.number + 1, id: toHex(random(16)) };
  const signing = { keys, signer: ownerSigner(keys), random };
  const { name, bytes } = encodeSettings(next, signing);
  await storage.put(name, bytes, { ifAbsent: true, signal });
}
