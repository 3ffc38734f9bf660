import { toHex } from '../base/bytes.ts';
import type { Credentials } from '../repository/native/keys/credentials.ts';
import type { Unlocked } from '../repository/native/keys/unlock.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import {
  type LocatedDestination,
  locateDestination,
  missingRepository,
} from './locate-destination.ts';
import type { CommandSession } from './session.ts';
import { unlockLocated } from './unlock-located.ts';

/** A repository of which only the keys are used. */
export interface UnlockedDestination extends LocatedDestination {
  readonly unlocked: Unlocked;
  readonly credentials: Credentials;
}

/** Opens the keys of a repository, for commands that work on those. Dispose of the answer. Throws what `unlock` throws. */
export async function unlockDestination(
  url: string,
  flags: GlobalFlagValues,
  session: CommandSession,
): Promise<UnlockedDestination> {
  const located = await locateDestination(url, flags, session);
  try {
    if (located.repositoryId === undefined) throw await missingRepository(located, flags, session);
    const { unlocked, credentials } = await unlockLocated(located, flags, session);
    const repositoryId = toHex(unlocked.ring.repositoryId);
    return { ...located, repositoryId, unlocked, credentials };
  } catch (error) {
    await located[Symbol.asyncDispose]();
    throw error;
  }
}
