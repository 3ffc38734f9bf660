import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { ArchiveDirectory } from '../../src/repository/duplicity/archive-directory/archive-directory.ts';
import { chooseSets } from '../../src/repository/duplicity/collection/choose-sets.ts';
import type { BackupSet } from '../../src/repository/duplicity/collection/backup-set.ts';
import { DuplicityArchive } from '../../src/repository/duplicity/duplicity-archive.ts';
import { FileCoding } from '../../src/repository/duplicity/encryption/file-coding.ts';
import type { Protection } from '../../src/repository/duplicity/encryption/protection.ts';
import {
  FileNaming,
  type FileNamingSettings,
} from '../../src/repository/duplicity/names/file-name.ts';
import type { ArchivedEntry } from '../../src/repository/duplicity/reader/archive-reader.ts';
import { compareIndex } from '../../src/repository/duplicity/index-order.ts';
import { Secret } from '../../src/base/secret.ts';
import { systemClock } from '../../src/base/clock.ts';
import { MemoryStorage } from '../../src/storage/drivers/memory/memory.ts';
import type { Storage } from '../../src/storage/storage.ts';

const fixtures = new URL('../fixtures/duplicity/', import.meta.url).pathname;

export const plainProtection: Protection = { kind: 'none', compress: true };
export const fixturePassphrase = 'fixture pass phrase';
/** The times of the sets, in seconds since 1970. */
export const fixtureTimes = [1_700_000_000, 1_700_086_400, 1_700_172_800] as const;

/** How a passphrase alone protects. */
export function symmetricProtection(passphrase = fixturePassphrase): Protection {
  const gpg = { program: 'gpg', options: [], useAgent: false, environment: {} };
  return { kind: 'symmetric', passphrase: new Secret(passphrase), gpg };
}

/** One of the archives of the real program, in memory, so that it can be damaged. */
export async function fixtureStorage(name: string): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  const directory = path.join(fixtures, name, 'dest');
  for (const file of readdirSync(directory)) {
    await storage.put(file, readFileSync(path.join(directory, file)));
  }
  return storage;
}

/** An archive without a lasting local directory. Owns the storage. */
export async function openArchive(
  storage: Storage,
  protection: Protection = plainProtection,
  names: FileNamingSettings = {},
): Promise<DuplicityArchive> {
  const naming = new FileNaming(names);
  return new DuplicityArchive({
    storage,
    naming,
    coding: new FileCoding(protection),
    directory: await ArchiveDirectory.temporary(tmpdir(), naming),
    clock: systemClock,
    tempDirectory: tmpdir(),
  });
}

/** A restore of everything, told of only where something is wrong. */
export const plainRestore = {
  force: false,
  owners: 'numbers',
  dryRun: false,
  ignoreErrors: false,
  verbose: false,
  threads: 2,
} as const;

/** The sets that give the state of a time. */
export async function setsAt(
  archive: DuplicityArchive,
  time?: number,
): Promise<readonly BackupSet[]> {
  return chooseSets(await archive.collection(), time).sets;
}

/** What an archive has at a path, as the fixtures tell it. */
export interface ExpectedEntry {
  readonly path: string;
  readonly type: 'reg' | 'dir' | 'sym' | 'fifo';
  readonly mode?: string;
  readonly mtime?: number;
  readonly uid: number;
  readonly gid: number;
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
}

/** `expected-t<step>.json` beside the archive or its tree. */
export function expectedEntries(tree: string, step: number): ExpectedEntry[] {
  const file = path.join(fixtures, tree, `expected-t${step}.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as ExpectedEntry[];
}

const shortTypes: Readonly<Record<string, ExpectedEntry['type']>> = {
  file: 'reg',
  directory: 'dir',
  symlink: 'sym',
  fifo: 'fifo',
};

/** An entry as the fixtures would tell it; reads its content. */
export async function describeArchived(archived: ArchivedEntry): Promise<ExpectedEntry> {
  const { entry } = archived;
  const facts = {
    path: pathText(archived.path),
    ...(entry.type === 'symlink'
      ? {}
      : { mode: entry.mode.toString(8).padStart(4, '0'), mtime: entry.mtime.seconds }),
    uid: entry.uid,
    gid: entry.gid,
    type: shortTypes[entry.type] ?? 'reg',
  };
  if (entry.type === 'symlink') {
    return { ...facts, target: escaped(entry.linkTarget ?? new Uint8Array()) };
  }
  if (entry.type !== 'file') return facts;
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of archived.content()) {
    hash.update(piece);
    size += piece.length;
  }
  if (archived.size !== undefined && archived.size !== size) {
    throw new Error(`${facts.path} was announced with ${archived.size} bytes and has ${size}`);
  }
  return { ...facts, size, sha256: hash.digest('hex') };
}

/** A path as the fixtures write it. */
export function pathText(bytes: Uint8Array): string {
  return bytes.length === 0 ? '.' : escaped(bytes);
}

function escaped(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) =>
    byte < 0x21 || byte >= 0x7f || byte === 0x25 || byte === 0x22 || byte === 0x5c
      ? `%${byte.toString(16).padStart(2, '0')}`
      : String.fromCodePoint(byte),
  ).join('');
}

/** What is on the disk, as the fixtures tell it. */
export function describeTree(root: string): ExpectedEntry[] {
  const found: { readonly path: Buffer; readonly entry: ExpectedEntry }[] = [];
  const visit = (relative: Buffer): void => {
    const place =
      relative.length === 0
        ? Buffer.from(root)
        : Buffer.concat([Buffer.from(`${root}/`), relative]);
    const status = lstatSync(place);
    const { uid, gid } = status;
    const facts = {
      path: pathText(relative),
      mode: (status.mode & 0o7777).toString(8).padStart(4, '0'),
      mtime: Math.floor(status.mtimeMs / 1000),
      uid,
      gid,
    };
    if (status.isSymbolicLink()) {
      const target = pathText(readlinkSync(place, { encoding: 'buffer' }));
      found.push({ path: relative, entry: { path: facts.path, uid, gid, type: 'sym', target } });
    } else if (status.isDirectory()) {
      found.push({ path: relative, entry: { ...facts, type: 'dir' } });
      for (const name of readdirSync(place, { encoding: 'buffer' })) {
        visit(relative.length === 0 ? name : Buffer.concat([relative, Buffer.from('/'), name]));
      }
    } else if (status.isFIFO()) {
      found.push({ path: relative, entry: { ...facts, type: 'fifo' } });
    } else {
      const bytes = readFileSync(place);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      found.push({
        path: relative,
        entry: { ...facts, type: 'reg', size: bytes.length, sha256 },
      });
    }
  };
  visit(Buffer.alloc(0));
  return found
    .toSorted((left, right) => compareIndex(left.path, right.path))
    .map(({ entry }) => entry);
}
