import { toHex } from '../../base/bytes.ts';
import { AppError } from '../../base/errors.ts';
import { formatSize } from '../../base/size.ts';
import { changeSettings } from '../../repository/native/keys/change-settings.ts';
import type { CommandRun } from '../command.ts';
import type { init } from '../definitions/repository.ts';
import { locateDestination } from '../locate-destination.ts';
import { makeRepository } from '../open-destination.ts';
import { localPlaces } from '../places.ts';

const LEAST_PACK = 1024 * 1024;
const LARGEST_PACK = 64 * 1024 * 1024;

export const run: CommandRun<typeof init> = async (input, session) => {
  const { output } = session;
  await using located = await locateDestination(input.arguments.URL, input.flags, session);
  if (located.repositoryId !== undefined) {
    throw new AppError('repository/exists', `There is a repository in "${located.name}" already`, {
      hint: 'Use it, or choose another place',
    });
  }
  const packTarget = input.flags['pack-size'];
  if (packTarget !== undefined) checkPackSize(packTarget);
  const places = localPlaces(input.flags, session);
  const repository = await makeRepository(located, input.flags, session, places);
  if (packTarget !== undefined) {
    await changeSettings(repository.access, { packTarget }, { signal: session.signal });
  }
  const id = toHex(repository.unlocked.ring.repositoryId);
  output.object({ type: 'repository', repository: id, location: located.name });
  output.line(`Repository ${id}`);
  return 0;
};

function checkPackSize(size: number): void {
  if (size >= LEAST_PACK && size <= LARGEST_PACK) return;
  throw new AppError('input/usage', `Packs cannot be ${formatSize(size)} large`, {
    hint: 'Choose a size from 1 MiB to 64 MiB',
  });
}
