/**
 * Copies a tree with the program's own source and target, without a repository between: what these two lose, no
 * repository can keep.
 */
import { closeSync } from 'node:fs';

import { joinPath } from '../../src/base/posix/path-bytes.ts';
import type { SourceEntry } from '../../src/model/entry.ts';
import { openForBackup } from '../../src/source/filesystem/file-reader.ts';
import { planSources } from '../../src/source/filesystem/source-plan.ts';
import { walk, type WalkEvent, type WalkOptions } from '../../src/source/filesystem/walk.ts';
import { setSize, writeAt } from '../../src/target/filesystem/file-content.ts';
import {
  createFile,
  createHardLink,
  createSpecial,
  createSymlink,
  makeDirectory,
} from '../../src/target/filesystem/target-entry.ts';
import { MetadataWriter } from '../../src/target/filesystem/target-metadata.ts';
import { TargetTree } from '../../src/target/filesystem/target-tree.ts';

/** What could not be copied. */
export interface CopyReport {
  readonly unread: string[];
  readonly unwritten: string[];
  readonly ownersNotRestored: number;
}

const buffer = Buffer.alloc(1 << 20);

/** Copies everything the walk shows into a new or empty directory. */
export function copyTree(from: string, to: string, options: WalkOptions = {}): CopyReport {
  using tree = TargetTree.open(to);
  const copier = new Copier(tree, Buffer.from(from).length + (from === '/' ? 0 : 1));
  for (const event of walk(planSources([from]), options)) copier.take(event);
  return copier.report();
}

class Copier {
  readonly #tree: TargetTree;
  readonly #skip: number;
  readonly #metadata = new MetadataWriter();
  readonly #unread: string[] = [];
  readonly #unwritten: string[] = [];
  readonly #open: SourceEntry[] = [];
  readonly #links = new Map<string, readonly [parent: Uint8Array, name: Uint8Array]>();

  constructor(tree: TargetTree, skip: number) {
    this.#tree = tree;
    this.#skip = skip;
  }

  take(event: WalkEvent): void {
    const path = event.path.subarray(this.#skip);
    switch (event.type) {
      case 'enter': {
        this.#open.push(event.entry);
        break;
      }
      case 'entries': {
        try {
          for (const entry of event.entries) {
            this.#attempt(() => {
              this.#copy(entry, path, event.location.pathOf(entry.name));
            });
          }
        } finally {
          event.location.release();
        }
        break;
      }
      case 'leave': {
        this.#leave(path);
        break;
      }
      case 'problem': {
        this.#unread.push(event.error.message);
        break;
      }
    }
  }

  report(): CopyReport {
    const { problems, ownersNotRestored } = this.#metadata;
    const unwritten = [...this.#unwritten, ...problems.map(({ error }) => error.message)];
    return { unread: this.#unread, unwritten, ownersNotRestored };
  }

  #leave(path: Uint8Array): void {
    const entry = this.#open.pop();
    if (entry === undefined) throw new TypeError('Left a directory that was not entered');
    if (path.length === 0) {
      this.#metadata.applyToOpen(this.#tree.root, entry, path);
      return;
    }
    const parent = path.subarray(0, Math.max(0, path.lastIndexOf(0x2f)));
    const directory = this.#tree.directory(parent);
    this.#metadata.applyToDirectory(directory, entry.name, entry, path);
  }

  #copy(entry: SourceEntry, parent: Uint8Array, source: Uint8Array): void {
    const { name, type } = entry;
    const directory = this.#tree.directory(parent);
    if (type === 'directory') {
      makeDirectory(directory, name);
      return;
    }
    const path = joinPath(parent, name);
    const inode = `${entry.device}:${entry.inode}`;
    const first = this.#links.get(inode);
    if (first !== undefined) {
      const [target, other] = this.#tree.directories(parent, first[0]);
      createHardLink(target, name, other, first[1]);
      return;
    }
    if (type === 'file') this.#copyFile(entry, directory, source, path);
    else {
      if (type === 'symlink') createSymlink(directory, name, entry.linkTarget ?? Buffer.alloc(0));
      else createSpecial(directory, name, entry);
      this.#metadata.applyToSpecial(directory, name, entry, path);
    }
    if (entry.links > 1) this.#links.set(inode, [Buffer.from(parent), name]);
  }

  #copyFile(entry: SourceEntry, directory: number, source: Uint8Array, path: Uint8Array): void {
    using reader = openForBackup(source, entry);
    const fd = createFile(directory, entry.name);
    try {
      setSize(fd, reader.size);
      for (const { offset, length } of reader.extents()) {
        for (let done = 0; done < length;) {
          const wanted = Math.min(buffer.length, length - done);
          const count = reader.readInto(buffer, 0, wanted, offset + done);
          writeAt(fd, buffer.subarray(0, count), offset + done);
          done += count;
          if (count < wanted) break;
        }
      }
      this.#metadata.applyToOpen(fd, entry, path);
      if (!reader.isUnchanged()) this.#unread.push('changed');
    } finally {
      closeSync(fd);
    }
  }

  #attempt(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#unwritten.push(String(error));
    }
  }
}
