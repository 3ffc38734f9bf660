import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import { concatBytes, utf8 } from '../../src/base/bytes.ts';
import { encodeTarHeader, tarPadding } from '../../src/codec/tar/tar-header.ts';
import type { TarEntry } from '../../src/codec/tar/tar-entry.ts';
import {
  manifestFileList,
  manifestHeader,
  manifestVolume,
} from '../../src/repository/duplicity/manifest/write-manifest.ts';
import { FileNaming } from '../../src/repository/duplicity/names/file-name.ts';
import { parseVolumeName } from '../../src/repository/duplicity/reader/entry-name.ts';
import type { Storage } from '../../src/storage/storage.ts';

/** An entry as it is put into a volume, whatever sense it makes. */
export interface HandmadeEntry extends Partial<Omit<TarEntry, 'name' | 'linkName' | 'size'>> {
  /** With its prefix, as it is stored. */
  readonly name: string | Uint8Array;
  readonly content?: string | Uint8Array;
  readonly link?: string;
}

/** The bytes of an entry: its header, content and padding. */
export function handmadeEntry({
  name,
  content = '',
  link = '',
  ...facts
}: HandmadeEntry): Uint8Array {
  const bytes = typeof content === 'string' ? utf8(content) : content;
  const header = encodeTarHeader({
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    user: undefined,
    group: undefined,
    mtime: 1_690_000_000,
    deviceMajor: 0,
    deviceMinor: 0,
    records: new Map(),
    ...facts,
    name: typeof name === 'string' ? utf8(name) : name,
    linkName: utf8(link),
    size: bytes.length,
  });
  return concatBytes(header, bytes, tarPadding(bytes.length));
}

export const rootEntry: HandmadeEntry = { name: 'snapshot/./', type: 'directory', mode: 0o755 };

export interface HandmadeSet {
  /** Undefined for a full set. */
  readonly start?: number;
  readonly end: number;
  /** What each volume holds. */
  readonly volumes: readonly (readonly HandmadeEntry[])[];
  /** Where each volume is said to begin and end, where that is not where it does. */
  readonly ranges?: readonly (readonly [from: string, to: string])[];
  readonly coding?: 'plain' | 'gzip';
  /** Changes the bytes of a volume before they are hashed. */
  readonly forge?: (tar: Uint8Array) => Uint8Array;
  /** Of what hashes the manifest has; default SHA1. */
  readonly algorithms?: readonly string[];
}

/** Writes a set. Returns the names of its volumes. */
export async function putHandmadeSet(
  storage: Storage,
  {
    start,
    end,
    volumes,
    ranges,
    coding = 'plain',
    forge = (tar) => tar,
    algorithms = ['SHA1'],
  }: HandmadeSet,
): Promise<string[]> {
  const naming = new FileNaming();
  const set = start === undefined ? 'full' : 'incremental';
  const file = { set, start, end, coding, partial: false } as const;
  const names: string[] = [];
  let manifest = manifestHeader({ hostname: 'handmade', sourcePath: utf8('/source') });
  for (const [at, entries] of volumes.entries()) {
    const tar = forge(concatBytes(...entries.map(handmadeEntry)));
    const bytes = coding === 'gzip' ? new Uint8Array(gzipSync(tar)) : tar;
    const name = naming.make({ ...file, kind: 'volume', volume: at + 1 });
    await storage.put(name, bytes);
    names.push(name);
    const [from, to] = ranges?.[at]?.map((path) => utf8(path)) ?? [
      pathOf(entries.at(0)),
      pathOf(entries.at(-1)),
    ];
    manifest = concatBytes(
      manifest,
      manifestVolume({
        number: at + 1,
        start: { path: from ?? new Uint8Array(), block: undefined },
        end: { path: to ?? new Uint8Array(), block: undefined },
        hashes: new Map(
          algorithms.map((each) => [each, createHash(each).update(bytes).digest('hex')]),
        ),
      }),
    );
  }
  const name = naming.make({ ...file, coding: 'plain', kind: 'manifest', volume: undefined });
  await storage.put(name, concatBytes(manifest, manifestFileList([])));
  return names;
}

function pathOf(entry: HandmadeEntry | undefined): Uint8Array {
  if (entry === undefined) return new Uint8Array();
  const name = typeof entry.name === 'string' ? utf8(entry.name) : entry.name;
  return parseVolumeName(name)?.path ?? new Uint8Array();
}
