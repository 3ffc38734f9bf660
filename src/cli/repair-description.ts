import { hasCode } from '../base/errors.ts';
import {
  isDescriptionLost,
  lostDescription,
  recoverDescription,
} from '../repository/native/keys/lost-description.ts';
import { readDescription } from '../repository/native/keys/unlock.ts';
import { descriptionName } from '../repository/native/objects/object-name.ts';
import { findCredentials } from './credentials.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import { openDestinationStorage } from './open-destination-storage.ts';
import { displayText } from './output/display-text.ts';
import type { CommandSession } from './session.ts';

export interface DescriptionRepair {
  readonly dryRun: boolean;
  /** Do not ask. */
  readonly yes: boolean;
}

/**
 * Writes the `holdfast` of a repository again if it is lost or damaged: without it nothing else can be looked at. Throws what is wrong with it if it stays so, and
 * what `recoverDescription` throws.
 */
export async function repairDescription(
  url: string,
  flags: GlobalFlagValues,
  session: CommandSession,
  { dryRun, yes }: DescriptionRepair,
): Promise<void> {
  const { signal, output } = session;
  const { storage } = await openDestinationStorage(url, flags, session);
  await using place = storage;
  const damage = await damageOf();
  if (damage === undefined) return;
  output.report({ type: 'problem', severity: 'error', error: damage });
  const bytes = await recoverDescription(place, await findCredentials(flags, session), { signal });
  const message = `Write "${descriptionName}" again, as it was made`;
  output.object({ type: 'repair', step: 'write-description', message, count: 1 });
  output.line(`To repair: ${displayText(message)}`);
  if (dryRun || !(await session.confirm('Repair this?', yes))) throw damage;
  // It may have come across the line badly, or somebody has put it there meanwhile.
  if ((await damageOf()) === undefined) return;
  await place.put(descriptionName, bytes, { signal });
  output.line(
    `"${descriptionName}" is there again; what else there is to repair is looked for now`,
  );

  async function damageOf() {
    try {
      if ((await readDescription(place, { signal })) !== undefined) return undefined;
      const isLost = await isDescriptionLost(place, { signal });
      return isLost ? lostDescription(place.location) : undefined;
    } catch (error) {
      if (hasCode(error, 'repository/damaged')) return error;
      throw error;
    }
  }
}
