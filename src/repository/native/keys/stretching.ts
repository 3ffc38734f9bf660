import { equalBytes, utf8 } from '../../../base/bytes.ts';
import { AppError, messageOf } from '../../../base/errors.ts';
import type { Secret } from '../../../base/secret.ts';
import { formatSize } from '../../../base/size.ts';
import { argon2id, type Argon2Cost } from '../../../codec/encryption/argon2id.ts';

/** How much work each guess of a passphrase is. */
export type PassphraseCost = Argon2Cost;

/** What a passphrase is made a key with. It is no secret: whoever can read the storage can read it. */
export interface Stretching extends PassphraseCost {
  readonly salt: Uint8Array;
}

/** What comes of a passphrase. */
export interface Stretched {
  readonly key: Uint8Array;
  /** Tells whether the passphrase was the right one. */
  readonly commitment: Uint8Array;
}

export const defaultPassphraseCost: PassphraseCost = { memory: 131_072, passes: 3, lanes: 4 };

export const saltSize = 32;

/** Outside of these a slot is refused untried: it would starve the machine, or pass for a weak one. */
const passphraseCostBounds = {
  memory: { least: 19_456, most: 1_048_576 },
  passes: { least: 1, most: 10 },
  lanes: { least: 1, most: 16 },
} as const;

/** The work is done in other threads. Throws an `AppError`: `input/invalid` for an empty passphrase, `internal` where the system does not give what it takes. */
export async function stretch(
  passphrase: Secret,
  { salt, memory, passes, lanes }: Stretching,
): Promise<Stretched> {
  const message = utf8(passphrase.reveal().normalize('NFC'));
  if (message.length === 0) throw new AppError('input/invalid', 'The passphrase is empty');
  const cost = { memory, passes, lanes };
  const derived = await argon2id(message, salt, cost, 64).catch((cause: unknown) => {
    throw new AppError('internal', `Cannot make a key of the passphrase: ${messageOf(cause)}`, {
      cause,
      hint: `That takes ${formatSize(memory * 1024)} of memory: end other programs, or let this one have more`,
    });
  });
  return { key: derived.subarray(0, 32), commitment: derived.subarray(32) };
}

export function isSameStretching(one: Stretching, other: Stretching): boolean {
  return (
    one.memory === other.memory &&
    one.passes === other.passes &&
    one.lanes === other.lanes &&
    equalBytes(one.salt, other.salt)
  );
}

export function isWithinBounds(cost: PassphraseCost): boolean {
  return (['memory', 'passes', 'lanes'] as const).every((name) => {
    const { least, most } = passphraseCostBounds[name];
    return Number.isInteger(cost[name]) && cost[name] >= least && cost[name] <= most;
  });
}
