import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';

import { type Clock, systemClock } from '../../src/base/clock.ts';
import {
  type ArchiveBackupInput,
  type ArchiveBackupResult,
  backupArchive,
} from '../../src/engine/archive/backup-archive.ts';
import { ArchiveDirectory } from '../../src/repository/duplicity/archive-directory/archive-directory.ts';
import { DuplicityArchive } from '../../src/repository/duplicity/duplicity-archive.ts';
import { FileCoding } from '../../src/repository/duplicity/encryption/file-coding.ts';
import type { Protection } from '../../src/repository/duplicity/encryption/protection.ts';
import { FileNaming } from '../../src/repository/duplicity/names/file-name.ts';
import { ArchiveReader } from '../../src/repository/duplicity/reader/archive-reader.ts';
import { signatureState } from '../../src/repository/duplicity/reader/signature-state.ts';
import { SignatureBuilder } from '../../src/codec/rsync/signature.ts';
import type { AppError } from '../../src/base/errors.ts';
import { FileStorage } from '../../src/storage/drivers/file/file.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { plainProtection, setsAt } from './duplicity-fixture.ts';
import { operation } from './operation.ts';
import type { ScratchDirectory } from './scratch-directory.ts';

/** The archive in `dest` of a scratch directory, with its `cache`. */
export async function openScratchArchive(
  scratch: ScratchDirectory,
  protection: Protection = plainProtection,
  clock: Clock = systemClock,
): Promise<DuplicityArchive> {
  mkdirSync(scratch.of('dest'), { recursive: true });
  const naming = new FileNaming();
  const storage: Storage = await FileStorage.open(scratch.of('dest'));
  return new DuplicityArchive({
    storage,
    naming,
    coding: new FileCoding(protection),
    directory: await ArchiveDirectory.open(scratch.of('cache'), naming),
    clock,
    tempDirectory: scratch.path,
  });
}

export type ScratchBackup = Partial<ArchiveBackupInput> & {
  readonly protection?: Protection;
  readonly clock?: Clock;
  /** Ends the run when so many volumes are complete. */
  readonly stopAfter?: number;
};

/** Backs up `source` of a scratch directory to its `dest`, with its `cache`. */
export async function backUpScratch(
  scratch: ScratchDirectory,
  { protection = plainProtection, clock = systemClock, stopAfter, ...more }: ScratchBackup = {},
): Promise<ArchiveBackupResult & { readonly messages: string[] }> {
  await using archive = await openScratchArchive(scratch, protection, clock);
  const context = operation(clock);
  const stop = new AbortController();
  const result = await backupArchive(
    archive,
    {
      paths: [scratch.of('source')],
      tree: { select: () => 'include' },
      walk: {},
      kind: 'auto',
      hostName: 'host',
      onVolume: (number) => {
        if (number === stopAfter) throw new Error('Stopped');
      },
      ...more,
    },
    { ...context, signal: stop.signal },
  );
  const messages = context.events.flatMap((event) =>
    event.type === 'notice' ? [event.message] : event.type === 'problem' ? [event.error.code] : [],
  );
  return { ...result, messages };
}

/** Bytes that do not compress. */
export const chance = (length: number, seed: number): Buffer => {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
};

/** A source of about four volumes of a mebibyte. */
export function makeLargeSource(scratch: ScratchDirectory): void {
  mkdirSync(scratch.of('source', 'sub'), { recursive: true });
  for (const [name, length] of [
    ['a', 10],
    ['big', 2_500_000],
    ['exact', 131_072],
    ['sub/mid', 1_300_000],
    ['z', 9],
  ] as const) {
    writeFileSync(scratch.of('source', name), chance(length, length));
  }
}

export const smallVolume = 1024 * 1024;

/** Every file of the newest state. */
export async function contentsOf(archive: DuplicityArchive): Promise<Record<string, Uint8Array>> {
  const contents: Record<string, Uint8Array> = {};
  const options = { onProblem: ({ error }: { error: AppError }) => assert.fail(error) };
  for await (const archived of new ArchiveReader(archive).entries(await setsAt(archive), options)) {
    if (archived.entry.type !== 'file') continue;
    const pieces = await Array.fromAsync(archived.content());
    contents[Buffer.from(archived.path).toString()] = Buffer.concat(pieces);
  }
  return contents;
}

/** Every signature must be that of the content which is stored. */
export async function checkSignatures(archive: DuplicityArchive): Promise<void> {
  const contents = await contentsOf(archive);
  for await (const { path, kind, read } of signatureState(archive, await setsAt(archive))) {
    if (kind !== 'signature') continue;
    const signature = await read();
    const blockLength = Buffer.from(signature).readUInt32BE(4);
    const builder = new SignatureBuilder({ blockLength });
    builder.update(contents[Buffer.from(path).toString()]!);
    assert.ok(Buffer.from(builder.finish()).equals(signature), Buffer.from(path).toString());
  }
}
