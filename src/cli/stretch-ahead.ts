import { systemRandom } from '../base/random.ts';
import { hasCode } from '../base/errors.ts';
import { LocalState } from '../repository/native/hosts/local-state.ts';
import { StretchedAhead } from '../repository/native/keys/stretched-ahead.ts';
import type { DestinationUrl } from '../storage/url.ts';
import { fromHex } from '../base/bytes.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import { KnownDestinations } from './known-destinations.ts';
import { stateDirectoryOf } from './places.ts';
import type { CommandSession } from './session.ts';

/**
 * Begins to make the passphrase a key, as this machine remembers it of the destination, while the program is still on its way there.
 * `undefined` if nothing is remembered, if the passphrase is not there without asking for it, and for what is near.
 */
export async function stretchAhead(
  url: DestinationUrl,
  flags: GlobalFlagValues,
  session: CommandSession,
): Promise<StretchedAhead | undefined> {
  if (url.host === undefined) return undefined;
  const passphrase = session.passphraseAtHand();
  if (passphrase === undefined) return undefined;
  const stateDirectory = stateDirectoryOf(flags, session);
  try {
    const repositoryId = await new KnownDestinations(stateDirectory).repositoryLike(url);
    if (repositoryId === undefined) return undefined;
    const local = await LocalState.open(stateDirectory, fromHex(repositoryId), systemRandom);
    const stretching = local.lastSlot?.stretching;
    return stretching && new StretchedAhead(passphrase, stretching);
  } catch (error) {
    // Told when it is needed.
    if (hasCode(error, 'local/unwritable')) return undefined;
    throw error;
  }
}
