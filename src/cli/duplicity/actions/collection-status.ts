import { equalBytes } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import type { BackupSet } from '../../../repository/duplicity/collection/backup-set.ts';
import { describeFinding } from '../../../repository/duplicity/collection/finding.ts';
import type { ChangedFile } from '../../../repository/duplicity/manifest/manifest.ts';
import { shownPath } from '../action-context.ts';
import {
  changesText,
  collectionText,
  collectionValues,
  fileChangedText,
} from '../collection-text.ts';
import { infoCodes } from '../duplicity-log.ts';
import { exitCodes, fatal } from '../fatal.ts';
import {
  openDuplicityArchive,
  type OpenedArchive,
  tellLastFull,
} from '../open-duplicity-archive.ts';
import { isWrongPassphrase } from '../passphrases.ts';
import { archivePath, type DuplicityRun } from '../run-settings.ts';

/** `collection-status`: what sets and chains there are; also what one file or one set has changed. */
export async function run(given: DuplicityRun): Promise<number> {
  const { options } = given.line;
  const [url] = given.action.arguments;
  const changed = options.text('file-changed');
  const index = options.number('show-changes-in-set');
  const isRead = changed !== undefined || index !== undefined;
  await using opened = await openDuplicityArchive(url!, given, {
    use: isRead ? 'read' : 'names',
    lock: false,
  });
  tellLastFull(opened.collection, given);
  if (changed !== undefined) await tellFile(opened, archivePath(changed), given);
  else if (index !== undefined) await tellSets(opened, index, given);
  else await tellStatus(opened, given);
  return 0;
}

const listing = { code: infoCodes.collectionStatus, always: true } as const;

async function tellStatus(opened: OpenedArchive, { log, context }: DuplicityRun): Promise<void> {
  const { archive, collection } = opened;
  const text = collectionText(collection, archive.directory.path, context.timeZone);
  log.info(text, { ...listing, extra: collectionValues(collection) });
  // What the original finds out only when it restores. Sets that cannot be decrypted now are left to the other actions.
  try {
    for (const finding of await archive.crossCheck(collection, { signal: context.signal })) {
      const { kind } = finding;
      if (
        kind === 'missing-volumes' ||
        kind === 'unreadable-manifest' ||
        kind === 'cut-manifest' ||
        kind === 'doubtful-manifest'
      ) {
        log.warning(`Warning: ${describeFinding(finding)}`);
      }
    }
  } catch (error) {
    if (!isWrongPassphrase(error) && !isMissingKey(error)) throw error;
    for (const finding of collection.findings) {
      if (finding.kind === 'missing-volumes') log.warning(`Warning: ${describeFinding(finding)}`);
    }
  }
}

function isMissingKey(error: unknown): boolean {
  return error instanceof AppError && error.details['gpg'] === true;
}

async function tellFile(
  { archive, collection }: OpenedArchive,
  path: Uint8Array,
  { log, context }: DuplicityRun,
): Promise<void> {
  const chain = collection.active?.chain ?? collection.chains.at(-1);
  const changes: { set: BackupSet; change: ChangedFile['change'] }[] = [];
  for (const set of chain?.sets ?? []) {
    await archive.manifestOf(set, {
      signal: context.signal,
      onFile(file) {
        if (equalBytes(file.path, path)) changes.push({ set, change: file.change });
      },
    });
  }
  log.info(fileChangedText(shownPath(path), changes, context.timeZone), listing);
}

/** The newest set is number 0; -1 stands for all sets of the newest chain. */
async function tellSets(
  { archive, collection }: OpenedArchive,
  index: number,
  { log, context }: DuplicityRun,
): Promise<void> {
  const newest = collection.chains
    .flatMap(({ sets }) => sets)
    .toSorted((left, right) => right.end - left.end);
  const wanted =
    index === -1 ? (collection.chains.at(-1)?.sets ?? []) : newest.slice(index, index + 1);
  if (index < -1 || wanted.length === 0) {
    throw fatal(
      exitCodes.exception,
      `There is no set number ${index}: the newest is number 0, and there are ${newest.length}`,
      { extra: 'IndexError' },
    );
  }
  for (const set of wanted) {
    const { files = [] } = await archive.manifestOf(set, { files: true, signal: context.signal });
    log.info(changesText(set, files, context.timeZone), listing);
  }
}
