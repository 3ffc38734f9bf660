import { hash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';

import type { SeededRandom } from '../support/seeded-random.ts';

/** What duplicity keeps of a tree, by path as latin-1 text: kinds, modes, owners, whole seconds, link targets, content. */
export function contentOf(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (at: Buffer, name: string): void => {
    const facts = lstatSync(at);
    const type = facts.mode & 0o170_000;
    const owner = `${facts.uid}:${facts.gid}`;
    const rights = `${(facts.mode & 0o7777).toString(8)} ${owner} ${Math.floor(facts.mtimeMs / 1000)}`;
    if (facts.isSymbolicLink()) found[name] = `link ${owner} ${readlinkSync(at, 'latin1')}`;
    else if (facts.isFile()) {
      const content = readFileSync(at);
      found[name] = `file ${rights} ${content.length} ${hash('sha1', content)}`;
    } else found[name] = `${type.toString(8)} ${rights}`;
    if (!facts.isDirectory()) return;
    for (const child of readdirSync(at, 'buffer')) {
      const text = child.toString('latin1');
      visit(Buffer.concat([at, Buffer.from('/'), child]), name === '.' ? text : `${name}/${text}`);
    }
  };
  visit(Buffer.from(directory), '.');
  return found;
}

const names = [
  'a',
  'a b',
  'a!',
  'a.d',
  'a0',
  'deep',
  'é',
  '语',
  'x'.repeat(120),
  '-dash',
  '%20',
  'q"q',
  "it's",
  'back\\slash',
];
const sizes = [0, 1, 511, 512, 513, 5000, 65_535, 65_536, 65_537, 131_072, 200_001];

/** A tree that changes at random, in all ways in which trees do. Its times go up by whole seconds from `time` on, as the clock of its backups. */
export class ChangingTree {
  readonly root: string;
  readonly #random: SeededRandom;
  #time: number;

  constructor(root: string, random: SeededRandom, time: number) {
    this.root = root;
    this.#random = random;
    this.#time = time;
    mkdirSync(root);
    for (let count = 2 + random.below(12); count > 0; count--) this.#add();
    this.#finish();
  }

  /** Some changes, and the clock goes on. Seconds since 1970 of the moment after them. */
  change(most = 6): number {
    this.#time += 100;
    for (let count = this.#random.below(most + 1); count > 0; count--) this.#once();
    this.#finish();
    return this.#time + 50;
  }

  #finish(): void {
    // Making and removing entries touches directories at the true time: theirs is that of the tree's clock.
    for (const directory of this.#all('directory'))
      utimesSync(
        directory,
        this.#time,
        this.#touched.has(String(directory)) ? this.#time : this.#older(directory),
      );
    this.#touched.clear();
  }

  readonly #touched = new Set<string>();
  readonly #kept = new Map<string, number>();

  #older(directory: Buffer): number {
    const key = String(directory);
    const known = this.#kept.get(key) ?? this.#time;
    this.#kept.set(key, known);
    return known;
  }

  #once(): void {
    const files = this.#all('file');
    const file = this.#one(files);
    const action = this.#random.below(10);
    if (file === undefined || action <= 1) return this.#add();
    switch (action) {
      case 2:
        appendFileSync(file, this.#random.bytes(1 + this.#random.below(70_000)));
        break;
      case 3: {
        const content = readFileSync(file);
        const begin = this.#random.below(content.length + 1);
        writeFileSync(
          file,
          Buffer.concat([
            content.subarray(0, begin),
            this.#random.bytes(this.#random.below(900)),
            content.subarray(begin + this.#random.below(900)),
          ]),
        );
        break;
      }
      case 4:
        writeFileSync(file, readFileSync(file).subarray(0, this.#random.below(1000)));
        break;
      case 5:
        return this.#remove(file);
      case 6:
        this.#remove(file);
        if (this.#random.below(2) === 0) mkdirSync(file);
        else
          symlinkSync(
            this.#random.below(2) === 0 ? 'a' : `/nowhere/${'l'.repeat(this.#random.below(150))}`,
            file,
          );
        return this.#touch(file);
      case 7: {
        const directory = this.#one(this.#all('directory').slice(1));
        if (directory !== undefined) return this.#remove(directory);
        break;
      }
      case 8: {
        const target = this.#newPlace();
        this.#touch(file);
        this.#touch(target);
        try {
          renameSync(file, target);
          // It may replace one of the same time, which duplicity would not notice.
          utimesSync(target, this.#time, this.#time);
        } catch {
          // Something of another kind has that name.
        }
        return undefined;
      }
      default:
        chmodSync(file, [0o600, 0o644, 0o755, 0o4755][this.#random.below(4)] ?? 0o644);
        if (this.#random.below(2) === 0) return undefined;
    }
    utimesSync(file, this.#time, this.#time);
    return undefined;
  }

  #add(): void {
    const place = this.#newPlace();
    try {
      if (this.#random.below(4) === 0) mkdirSync(place);
      else {
        const content = this.#random.bytes(sizes[this.#random.below(sizes.length)] ?? 0);
        // Half of it can be compressed.
        if (this.#random.below(2) === 0) content.fill('text ', content.length >> 1);
        writeFileSync(place, content, { flag: 'wx' });
        utimesSync(place, this.#time, this.#time);
      }
      this.#touch(place);
    } catch {
      // The name is taken.
    }
  }

  #newPlace(): Buffer {
    const directory = this.#one(this.#all('directory')) ?? Buffer.from(this.root);
    const name =
      this.#random.below(12) === 0
        ? Buffer.from([0x6c, 0xe9, 0xff])
        : Buffer.from(names[this.#random.below(names.length)] ?? 'a');
    return Buffer.concat([directory, Buffer.from('/'), name]);
  }

  #remove(place: Buffer): void {
    rmSync(place, { recursive: true });
    this.#touch(place);
  }

  /** The directory that something lies in was changed, and it itself if it is one. */
  #touch(place: Buffer): void {
    const parent = place.subarray(0, place.lastIndexOf('/'));
    for (const one of [place, parent]) {
      this.#touched.add(String(one));
      this.#kept.set(String(one), this.#time);
    }
  }

  #one(all: readonly Buffer[]): Buffer | undefined {
    return all[this.#random.below(Math.max(1, all.length))];
  }

  #all(kind: 'file' | 'directory'): Buffer[] {
    const found: Buffer[] = [];
    const visit = (at: Buffer): void => {
      const facts = lstatSync(at);
      if (kind === 'file' ? facts.isFile() : facts.isDirectory()) found.push(at);
      if (!facts.isDirectory()) return;
      for (const child of readdirSync(at, 'buffer').toSorted(Buffer.compare))
        visit(Buffer.concat([at, Buffer.from('/'), child]));
    };
    visit(Buffer.from(this.root));
    return found;
  }
}
