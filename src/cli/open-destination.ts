import { toHex } from '../base/bytes.ts';
import { AppError, hasCode } from '../base/errors.ts';
import { localSlotMemory } from '../repository/native/hosts/local-slot-memory.ts';
import type { LocalPlaces, NativeRepository } from '../repository/native/native-repository.ts';
import { failureAt } from './failure-at.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import { type CredentialsOf, findFirstProtection } from './credentials.ts';
import { KnownDestinations } from './known-destinations.ts';
import {
  type LocatedDestination,
  locateDestination,
  missingRepository,
  requireNoneLost,
  requireVacant,
} from './locate-destination.ts';
import { localPlaces } from './places.ts';
import type { CommandSession } from './session.ts';
import { unlockLocated } from './unlock-located.ts';

export interface OpenDestinationOptions {
  /**
   * `read` changes nothing there, `write` does, `make` also makes a repository where there is none. `repair` opens as `read` does a repository that is to be
   * written to later, by `beginWriting`; what is damaged is left for the caller to find.
   */
  readonly mode: 'read' | 'repair' | 'write' | 'make';
  readonly whose?: CredentialsOf;
  /** Report what opening has found damaged; otherwise the caller does. True if it is not given. */
  readonly tellsDamage?: boolean;
  /** Called when the place was looked at, before anybody is asked and anything is made; it may refuse. */
  readonly inspect?: (located: LocatedDestination) => void | Promise<void>;
  /** Called once when nobody is asked any more and the key is being derived, which keeps one core busy for a moment. */
  readonly meanwhile?: (located: LocatedDestination, places: LocalPlaces) => void;
}

/**
 * Opens the repository at a destination. The passphrase is asked for only when there is something to open or to make. Dispose of the
 * answer.
 *
 * @throws AppError `repository/missing` also if this machine remembers another repository there, or one where there is none now
 */
export async function openDestination(
  url: string,
  flags: GlobalFlagValues,
  session: CommandSession,
  options: OpenDestinationOptions,
): Promise<NativeRepository> {
  return openLocated(await locateDestination(url, flags, session), flags, session, options);
}

/** The same for a place that was looked at, which is the answer's from then on, and closed if there is none. */
export async function openLocated(
  located: LocatedDestination,
  flags: GlobalFlagValues,
  session: CommandSession,
  { mode, whose = 'main', inspect, meanwhile, tellsDamage = true }: OpenDestinationOptions,
): Promise<NativeRepository> {
  try {
    await inspect?.(located);
    const places = localPlaces(flags, session);
    const known = new KnownDestinations(places.stateDirectory);
    const remembered = await known.repositoryAt(located.key).catch((error: unknown) => {
      // Where nothing lies this memory tells a disk that is not there from a new place; elsewhere it is not worth a backup, or a restore.
      const isNeeded = mode === 'make' && located.repositoryId === undefined;
      if (isNeeded || !hasCode(error, 'local/unwritable')) throw error;
      places.warn(error);
      return undefined;
    });
    const stranger = strangerError(located, remembered, known);
    if (stranger !== undefined) {
      if (located.repositoryId === undefined) await requireNoneLost(located, session.signal);
      if (mode !== 'read') throw stranger;
      // To look at it is no harm, as long as everybody knows what it is.
      if (located.repositoryId !== undefined) places.warn(stranger);
    }
    const { signal } = session;
    if (located.repositoryId === undefined) {
      if (mode === 'make') return await makeRepository(located, flags, session, places);
      throw await missingRepository(located, flags, session);
    }
    const readOnly = mode === 'read' || mode === 'repair';
    const { storage, localPath, ahead } = located;
    const { stateDirectory, random, warn } = places;
    // On a rescue system nothing can be remembered, and nothing needs to be.
    const memory = localSlotMemory(stateDirectory, random, readOnly ? () => undefined : warn);
    let idle = meanwhile;
    const begin = (): void => {
      idle?.(located, places);
      idle = undefined;
      loadOpening().catch(() => undefined); // waited for below
    };
    const { unlocked } = await unlockLocated(located, flags, session, {
      whose,
      memory,
      // If the key is being derived already, what is waited for is far away.
      onFound(credentials) {
        located.onPassphrase();
        if (credentials.kind === 'passphrase' && credentials.ahead !== undefined) begin();
      },
      // The key is derived in the thread pool; meanwhile the rest of the program is loaded. Not earlier: whatever this thread did before that would only delay it.
      onOpening: begin,
    });
    const { openUnlocked } = await loadOpening();
    const options = { localPath, readOnly, ahead, signal };
    const repository = await openUnlocked(storage, unlocked, places, options);
    if (tellsDamage) {
      for (const { code, message, details } of repository.problems) {
        const text = `${message}; "holdfast check --repair" shows what can be done about it`;
        warn(new AppError(code, text, { details }));
      }
    }
    if (mode !== 'read') {
      repository.requireWritable();
      await remember(located, repository, places);
    }
    return repository;
  } catch (error) {
    await located[Symbol.asyncDispose]();
    throw error;
  }
}

const loadOpening = () => import('../repository/native/native-repository.ts');

/** Makes a repository at a place that was looked at, or completes one whose making was interrupted. The place is the answer's from then on. */
export async function makeRepository(
  located: LocatedDestination,
  flags: GlobalFlagValues,
  session: CommandSession,
  places: LocalPlaces,
): Promise<NativeRepository> {
  const { signal, output } = session;
  await requireVacant(located, signal);
  const protection = await findFirstProtection(flags, session);
  const { storage, localPath } = located;
  const { createRepository } = await import('../repository/native/native-repository.ts');
  const repository = await createRepository(storage, protection, places, {
    localPath,
    signal,
  }).catch((error: unknown) => {
    throw failureAt(error, `make a repository in "${located.name}"`);
  });
  await remember(located, repository, places);
  output.report({ type: 'notice', message: `Made a new repository in "${located.name}"` });
  output.report({
    type: 'notice',
    message:
      protection.kind === 'open'
        ? 'It has no passphrase: whoever can read it there can read what you back up'
        : 'Nobody can read it without the passphrase: keep that, or a recovery sheet ("holdfast key export"), somewhere else',
  });
  return repository;
}

/** Losing this memory must not cost a backup. */
async function remember(
  { key }: LocatedDestination,
  repository: NativeRepository,
  { stateDirectory, warn }: LocalPlaces,
): Promise<void> {
  try {
    const id = toHex(repository.unlocked.ring.repositoryId);
    await new KnownDestinations(stateDirectory).note(key, id);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'local/unwritable')) throw error;
    warn(error);
  }
}

/** What is wrong when something else, or nothing, lies where this machine remembers a repository. */
function strangerError(
  { name, key, repositoryId }: LocatedDestination,
  remembered: string | undefined,
  { file }: KnownDestinations,
): AppError | undefined {
  if (remembered === undefined || remembered === repositoryId) return undefined;
  return repositoryId === undefined
    ? new AppError('repository/missing', `The repository that was in "${name}" is not there`, {
        hint: 'Is the disk mounted? If it is gone for good, begin anew with "holdfast init"',
      })
    : new AppError(
        'repository/missing',
        `Another repository lies in "${name}" than the one that this machine backed up to`,
        {
          hint: `Is the right disk mounted? If you replaced it yourself, remove the line for "${key}" from "${file}"`,
        },
      );
}
