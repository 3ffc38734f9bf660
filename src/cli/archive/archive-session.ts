import { hash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { AppError, hasCode } from '../../base/errors.ts';
import type { Secret } from '../../base/secret.ts';
import { ArchiveDirectory } from '../../repository/duplicity/archive-directory/archive-directory.ts';
import { type ArchiveFile } from '../../repository/duplicity/collection/backup-set.ts';
import { type Collection, listArchive } from '../../repository/duplicity/collection/collection.ts';
import { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import { FileCoding } from '../../repository/duplicity/encryption/file-coding.ts';
import type { Protection } from '../../repository/duplicity/encryption/protection.ts';
import { FileNaming } from '../../repository/duplicity/names/file-name.ts';
import type { Storage } from '../../storage/storage.ts';
import type { FlagValues } from '../flag.ts';
import type { archiveFlags } from '../definitions/archive-flags.ts';
import type { GlobalFlagValues } from '../global-flags.ts';
import { localPlaces } from '../places.ts';
import type { CommandSession } from '../session.ts';

/** The flags with which an archive is opened. */
export type ArchiveFlagValues = GlobalFlagValues &
  FlagValues<typeof archiveFlags> & { readonly 'encrypt-key'?: readonly string[] };

export interface OpenArchiveOptions {
  /** `read` changes nothing there and needs nothing to encrypt with. */
  readonly mode: 'read' | 'write';
  /** Whose passphrase is asked for: see `CommandSession`. */
  readonly whose?: 'main' | 'from';
}

/**
 * Opens the archive of duplicity's at a destination, or a new one where there is none. The passphrase is asked for only if files are encrypted, or are to be. Dispose of the
 * answer; it closes the storage, too.
 *
 * @throws AppError `repository/locked`, `repository/wrong-passphrase`, `input/usage`, `storage/…`, `local/unwritable`
 */
export async function openArchive(
  { storage, name }: { readonly storage: Storage; readonly name: string },
  flags: ArchiveFlagValues,
  session: CommandSession,
  { mode, whose = 'main' }: OpenArchiveOptions,
): Promise<DuplicityArchive> {
  const { signal, clock } = session;
  try {
    const naming = namingOf(flags);
    const files = await filesOf(storage, naming, session);
    const protection = await protectionOf(storage, files, flags, session, { mode, whose });
    const coding = new FileCoding(protection);
    signal.throwIfAborted();
    const directory = await directoryOf(name, naming, flags, session, mode);
    const tempDirectory = session.environment['TMPDIR'] || tmpdir();
    const mayBeMissing = mode === 'write';
    const parts = { storage, naming, coding, directory, clock, tempDirectory, mayBeMissing };
    return new DuplicityArchive(parts);
  } catch (error) {
    await storage[Symbol.asyncDispose]();
    throw error;
  }
}

/** How the files of an archive are called. */
export function namingOf(flags: Readonly<Record<string, unknown>>): FileNaming {
  const prefix = flags['file-prefix'];
  return new FileNaming(typeof prefix === 'string' ? { prefix } : {});
}

/**
 * Brings the local copies of manifests and signatures up to date, as far as they are needed, and gives what there is. Damaged ones are reported.
 *
 * @throws AppError as `DuplicityArchive.synchronise`
 */
export async function synchronised(
  archive: DuplicityArchive,
  { signal, output }: CommandSession,
): Promise<Collection> {
  const collection = await archive.collection({ signal });
  const { fetch, remove, damaged } = await archive.synchronise(collection, { signal });
  for (const { error } of damaged) output.report({ type: 'problem', severity: 'error', error });
  return fetch.length + remove.length > 0 ? archive.collection({ signal }) : collection;
}

/**
 * As `synchronised`, but chains that another passphrase is for are left out with a warning, as long as there is one that can be read: passphrases change, and old chains keep theirs. Only for reading: what
 * is left out must not look like something superfluous.
 *
 * @throws AppError as `synchronised`
 */
export async function synchronisedForReading(
  archive: DuplicityArchive,
  session: CommandSession,
): Promise<Collection> {
  try {
    return await synchronised(archive, session);
  } catch (error) {
    if (!hasCode(error, 'repository/wrong-passphrase')) throw error;
    const { signal, output } = session;
    const all = await archive.collection({ signal });
    const opened = new Set<number>();
    for (const { sets } of all.chains) {
      try {
        await archive.synchronise(all, { sets, signal });
        opened.add(sets[0].end);
      } catch (other) {
        if (!hasCode(other, 'repository/wrong-passphrase')) throw other;
      }
    }
    if (opened.size === 0) throw error;
    const collection = await archive.collection({ signal });
    const chains = collection.chains.filter(({ sets }) => opened.has(sets[0].end));
    const closed = collection.chains.length - chains.length;
    output.report({
      type: 'problem',
      severity: 'warning',
      error: new AppError(
        'repository/wrong-passphrase',
        `The passphrase does not open ${closed} of ${collection.chains.length} chains of the archive: their snapshots are left out`,
        { hint: 'They may have been made with another passphrase', cause: error },
      ),
    });
    return { ...collection, chains };
  }
}

/** The files of an archive; none where there is not even a directory. */
async function filesOf(
  storage: Storage,
  naming: FileNaming,
  { signal }: CommandSession,
): Promise<readonly ArchiveFile[]> {
  try {
    return await listArchive(storage, naming, { signal });
  } catch (error) {
    if (!hasCode(error, 'storage/not-found')) throw error;
    return [];
  }
}

async function protectionOf(
  storage: Storage,
  files: readonly ArchiveFile[],
  flags: ArchiveFlagValues,
  session: CommandSession,
  { mode, whose = 'main' }: OpenArchiveOptions,
): Promise<Protection> {
  const gpgOptions = flags['gpg-options']?.split(/\s+/u).filter((word) => word !== '') ?? [];
  const recipients = flags['encrypt-key'] ?? [];
  const signKey = flags['sign-key'];
  const gpg = (useAgent: boolean) => ({
    program: 'gpg',
    options: gpgOptions,
    useAgent,
    environment: withoutSecrets(session.environment),
  });
  const sign = signKey === undefined ? {} : { sign: { key: signKey } };
  const kind = await kindOf(storage, files, recipients, flags, session);
  if (kind === 'none') return { kind: 'none', compress: true };
  const create = files.length === 0;
  const ask = (): Promise<Secret> =>
    whose === 'from' ? session.fromPassphrase() : session.passphrase({ create });
  if (kind === 'symmetric') {
    if (recipients.length > 0)
      throw mixed('is encrypted with a passphrase', 'Leave "--encrypt-key" out');
    return { kind: 'symmetric', passphrase: await ask(), ...sign, gpg: gpg(false) };
  }
  if (mode === 'write' && recipients.length === 0) {
    throw mixed('is encrypted to a key', 'Say to which keys with "--encrypt-key"');
  }
  // A secret key may have none, or an agent may know it: nobody is asked here.
  const passphrase = hasPassphrase(flags, session) ? await ask() : undefined;
  return {
    kind: 'keys',
    recipients,
    hiddenRecipients: [],
    ...(passphrase !== undefined && { passphrase }),
    ...sign,
    gpg: gpg(passphrase === undefined),
  };
}

/** How files are encrypted: as those that are there, or as it is wanted. */
async function kindOf(
  storage: Storage,
  files: readonly ArchiveFile[],
  recipients: readonly string[],
  flags: GlobalFlagValues,
  { signal }: CommandSession,
): Promise<Protection['kind']> {
  const newest = files.reduce<ArchiveFile | undefined>(
    (best, one) => (best === undefined || one.file.end >= best.file.end ? one : best),
    undefined,
  );
  if (newest === undefined) {
    if (recipients.length > 0) return 'keys';
    return flags['insecure-no-passphrase'] ? 'none' : 'symmetric';
  }
  const encrypted = files.findLast(
    ({ file, size }) => file.end === newest.file.end && file.coding === 'openpgp' && size > 0,
  );
  if (encrypted === undefined) return 'none';
  const [first = 0] = await storage.read(encrypted.name, {
    range: { offset: 0, length: 1 },
    signal,
  });
  return packetTag(first) === SYMMETRIC_KEY ? 'symmetric' : 'keys';
}

/** RFC 4880, 4.3: a key that is made from a passphrase. */
const SYMMETRIC_KEY = 3;

/** RFC 4880, 4.2: what the first octet of a packet says it is. */
function packetTag(octet: number): number {
  return (octet & 0x40) === 0 ? (octet >> 2) & 0xf : octet & 0x3f;
}

function hasPassphrase(flags: GlobalFlagValues, { environment }: CommandSession): boolean {
  const names = ['', '_FILE', '_COMMAND'].map((end) => `HOLDFAST_PASSPHRASE${end}`);
  return (
    flags['passphrase-file'] !== undefined ||
    flags['passphrase-command'] !== undefined ||
    names.some((name) => environment[name] !== undefined)
  );
}

/** What gpg gets to see of the environment: no passphrase, nor anything else of ours. */
function withoutSecrets(
  environment: CommandSession['environment'],
): Readonly<Record<string, string | undefined>> {
  const hidden = /PASS|SECRET|TOKEN|KEY|^HOLDFAST_/u;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !hidden.test(name)));
}

function mixed(what: string, hint: string): AppError {
  return new AppError('input/usage', `The archive ${what}`, { hint });
}

/** Where copies of manifests and signatures are kept. One who only reads can do without, and does when somebody else is at work. */
async function directoryOf(
  name: string,
  naming: FileNaming,
  flags: ArchiveFlagValues,
  session: CommandSession,
  mode: 'read' | 'write',
): Promise<ArchiveDirectory> {
  const { signal, workingDirectory } = session;
  const { cacheDirectory } = localPlaces(flags, session);
  const given = flags['archive-dir'];
  const parent =
    given === undefined
      ? cacheDirectory && path.join(cacheDirectory, 'duplicity')
      : path.resolve(workingDirectory, given);
  const temporary = (): Promise<ArchiveDirectory> =>
    ArchiveDirectory.temporary(session.environment['TMPDIR'] || tmpdir(), naming);
  if (parent === undefined) return temporary();
  try {
    return await ArchiveDirectory.open(path.join(parent, hash('md5', name)), naming, { signal });
  } catch (error) {
    if (mode === 'write' || !hasCode(error, 'repository/locked', 'local/unwritable')) throw error;
    return temporary();
  }
}
