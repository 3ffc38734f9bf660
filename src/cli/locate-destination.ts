import { toHex } from '../base/bytes.ts';
import { AppError, hasCode } from '../base/errors.ts';
import type { Description } from '../repository/native/keys/description.ts';
import { type KeySlots, readKeySlots } from '../repository/native/keys/key-slot.ts';
import { readDescription } from '../repository/native/keys/unlock.ts';
import { objectPrefixes, parseObjectName } from '../repository/native/objects/object-name.ts';
import { type ReadAhead, readAhead } from '../repository/native/read-ahead.ts';
import { askingAhead, type AskingAhead } from '../storage/layers/asking-ahead.ts';
import type { StretchedAhead } from '../repository/native/keys/stretched-ahead.ts';
import { parseDestinationUrl } from '../storage/url.ts';
import { holdsArchive, prefixOfArchive } from './archive/holds-archive.ts';
import { type Expected, expectSnapshots } from './expect-snapshots.ts';
import { failureAt } from './failure-at.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import { openDestinationStorage } from './open-destination-storage.ts';
import { localPlaces } from './places.ts';
import type { CommandSession } from './session.ts';
import { stretchAhead } from './stretch-ahead.ts';

/** A destination, before its repository is opened: nothing was asked and nothing changed. */
export interface LocatedDestination extends AsyncDisposable {
  readonly storage: AskingAhead;
  /** For people; without secrets. */
  readonly name: string;
  /** Of what is remembered of it; without secrets, too. */
  readonly key: string;
  /** Where it lies in this machine's file system, if it does. */
  readonly localPath: string | undefined;
  /** Of the repository there, in hexadecimal; `undefined` if there is none. */
  readonly repositoryId: string | undefined;
  /** What the repository says about itself to everybody. */
  readonly description: Description | undefined;
  /** Its key slots, which are asked for at the same time: who opens it needs them next. */
  readonly keySlots: Promise<KeySlots>;
  /** What else opening it takes, likewise. */
  readonly ahead: ReadAhead;
  /** The passphrase, which is made a key meanwhile. */
  readonly stretched: StretchedAhead | undefined;
  /** To be called when the passphrase is there: what will be looked at is asked for then, if that had to wait for it. */
  readonly onPassphrase: () => void;
}

export interface LocateOptions {
  /** What will be looked at is asked for already, unless somebody has to be asked for a passphrase before: that may take as long as it likes. */
  readonly expected?: Expected;
}

/**
 * Opens the storage that a URL names and looks whether it holds a repository. Throws `input/usage` for a URL or an option that makes
 * no sense, `storage/…`, and what `readDescription` throws.
 */
export async function locateDestination(
  url: string,
  flags: GlobalFlagValues,
  session: CommandSession,
  { expected }: LocateOptions = {},
): Promise<LocatedDestination> {
  const { signal } = session;
  const stretched = await stretchAhead(parseDestinationUrl(url), flags, session);
  const {
    storage: bare,
    destination,
    key,
    url: parsed,
  } = await openDestinationStorage(url, flags, session);
  const storage = askingAhead(bare);
  const localPath = /^(?:par2\+)?file$/u.test(parsed.scheme) ? storage.location : undefined;
  const name = localPath ?? destination;
  const stop = new AbortController();
  // For what is read ahead: otherwise it would be tried again and again after the end.
  const reading = AbortSignal.any([signal, stop.signal]);
  const close = async (reason?: unknown): Promise<void> => {
    stop.abort(reason);
    await storage[Symbol.asyncDispose]();
  };
  try {
    const keySlots = readKeySlots(storage, { signal: reading });
    keySlots.catch(() => undefined); // of interest only where there is a repository
    const ahead = readAhead(storage, { signal: reading });
    const describing = readDescription(storage, { signal });
    const ask = (): void => {
      if (expected === undefined) return;
      const places = localPlaces(flags, session);
      expectSnapshots(storage, expected, describing, places, { signal: reading });
    };
    const waits = ['typed', 'command'].includes(session.passphraseOrigin('main'));
    if (!waits) ask();
    const description = await describing;
    return {
      storage,
      name,
      key: localPath ?? key,
      localPath,
      repositoryId: description && toHex(description.repositoryId),
      description,
      keySlots,
      ahead,
      stretched,
      onPassphrase: waits ? ask : () => undefined,
      [Symbol.asyncDispose]: () => close(),
    };
  } catch (error) {
    await close(error);
    throw failureAt(error, `look for a repository in "${name}"`);
  }
}

/** The error for a place without a repository. An attempt to make one that was interrupted is told apart, and an archive of duplicity's. */
export async function missingRepository(
  located: LocatedDestination,
  flags: GlobalFlagValues,
  session: CommandSession,
): Promise<AppError> {
  const { storage, name: place } = located;
  const { signal } = session;
  if (await holdsArchive(located, flags, session)) {
    return new AppError(
      'repository/unsupported',
      `"${place}" holds an archive of duplicity's, with which this command cannot do anything`,
      { hint: '"holdfast copy" makes a repository of it' },
    );
  }
  await requireNoneLost(located, signal);
  try {
    for await (const { name } of storage.list(objectPrefixes.key, { signal })) {
      if (parseObjectName(name)?.type !== 'key') continue;
      return new AppError(
        'repository/missing',
        `The making of a repository in "${place}" was interrupted`,
        { hint: 'Run "holdfast init" with the same passphrase to complete it' },
      );
    }
    const prefix = await prefixOfArchive(storage, signal);
    if (prefix !== undefined) {
      return new AppError(
        'repository/missing',
        `There is no repository in "${place}", but an archive of duplicity's whose names begin with "${prefix}"`,
        { hint: `Say so: --file-prefix "${prefix}"` },
      );
    }
  } catch (error) {
    if (!hasCode(error, 'storage/not-found')) throw failureAt(error, `look into "${place}"`);
  }
  return new AppError('repository/missing', `There is no repository in "${place}"`, {
    hint: 'Look at the spelling, and whether a disk is not mounted; "holdfast init" makes a repository',
  });
}

/** Throws `repository/damaged` if there is a repository of which only the description is lost: nobody may take it for an empty place, or make another there. */
export async function requireNoneLost(
  { storage, name: place }: LocatedDestination,
  signal: AbortSignal,
): Promise<void> {
  const { isDescriptionLost, lostDescription } =
    await import('../repository/native/keys/lost-description.ts');
  if (await isDescriptionLost(storage, { signal })) throw lostDescription(place);
}

/**
 * Sees to it that a repository can be made somewhere, before anybody is asked for a passphrase. Throws `repository/occupied` if the
 * place holds something else.
 */
export async function requireVacant(
  located: LocatedDestination,
  signal: AbortSignal,
): Promise<void> {
  const { storage, name: place } = located;
  const found: string[] = [];
  try {
    for await (const { name } of storage.list('', { signal })) {
      // All that an interrupted attempt leaves.
      if (parseObjectName(name)?.type !== 'key') found.push(name);
      if (found.length > 3) break;
    }
  } catch (error) {
    if (found.length > 0 || !hasCode(error, 'storage/not-found'))
      throw failureAt(error, `look into "${place}"`);
  }
  if (found.length === 0) return;
  await requireNoneLost(located, signal);
  const quoted = found.slice(0, 3).map((name) => `"${name}"`);
  throw new AppError(
    'repository/occupied',
    `"${place}" is no repository, and not empty either: it holds ${quoted.join(', ')}${found.length > 3 ? ' and more' : ''}`,
    { hint: 'Choose an empty place, or a new directory in this one' },
  );
}
