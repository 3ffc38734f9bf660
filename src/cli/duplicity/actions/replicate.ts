import { Secret } from '../../../base/secret.ts';
import { replicateArchive } from '../../../engine/archive/replicate-archive.ts';
import { ArchiveDirectory } from '../../../repository/duplicity/archive-directory/archive-directory.ts';
import { DuplicityArchive } from '../../../repository/duplicity/duplicity-archive.ts';
import { FileCoding } from '../../../repository/duplicity/encryption/file-coding.ts';
import type { Protection } from '../../../repository/duplicity/encryption/protection.ts';
import { openDuplicityArchive, tellLastFull } from '../open-duplicity-archive.ts';
import { openDuplicityStorage } from '../open-duplicity-storage.ts';
import { gpgSettings, protectionOf } from '../passphrases.ts';
import { type DuplicityRun, namingOf, restoreTime, tempDirectoryOf } from '../run-settings.ts';

/** `replicate`: copies the sets of an archive to another destination, encrypted and compressed as the options say. */
export async function run(given: DuplicityRun): Promise<number> {
  const { action, context, log } = given;
  const { signal, clock } = context;
  const [fromUrl, toUrl] = action.arguments;
  await using to = await openDuplicityArchive(toUrl!, given, {
    use: ({ chains }) => (chains.length === 0 ? 'create' : 'write'),
    lock: true,
  });
  tellLastFull(to.collection, given);
  const tempDirectory = tempDirectoryOf(given);
  const { storage } = await openDuplicityStorage(fromUrl!, given, { mayMake: false });
  const naming = namingOf(given);
  const coding = new FileCoding(await protectionOfSource(given));
  const directory = await ArchiveDirectory.temporary(tempDirectory, naming);
  await using from = new DuplicityArchive({
    storage,
    naming,
    coding,
    directory,
    clock,
    tempDirectory,
  });
  const { chains } = await from.collection({ signal });
  const time = restoreTime(given) ?? Infinity;
  const sets = chains.flatMap((chain) => chain.sets).filter(({ end }) => end <= time);
  if (given.line.options.has('dry-run')) {
    for (const { manifest } of sets) log.notice(`Would replicate ${manifest!.name}.`);
    return 0;
  }
  const count = await replicateArchive(
    {
      from,
      to: to.archive,
      present: to.collection,
      sets,
      onFile: (name) => log.notice(`Replicating ${name}.`),
    },
    { signal },
  );
  if (count === 0) log.notice('There is nothing to replicate.');
  return 0;
}

/** The source may have had another passphrase, and may be encrypted where the copy is not to be. */
async function protectionOfSource(given: DuplicityRun): Promise<Protection> {
  const { environment } = given.context;
  const other = environment['HOLDFAST_FROM_PASSPHRASE'];
  const { options } = given.line;
  if (other !== undefined || options.has('no-encryption')) {
    const passphrase = new Secret(other ?? environment['PASSPHRASE'] ?? '');
    return { kind: 'symmetric', passphrase, gpg: gpgSettings(given) };
  }
  return protectionOf(given, 'read');
}
