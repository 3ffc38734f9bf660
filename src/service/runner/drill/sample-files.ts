import { createCipheriv, createHash } from 'node:crypto';

import type { ListedFile } from './listed-file.ts';

export interface SampleLimits {
  readonly files: number;
  /** Of all files together. */
  readonly bytes: number;
}

/** Numbers from 0 to below 1, the same for the same seed. */
export function seededNumbers(seed: string): () => number {
  const key = createHash('sha256').update(seed).digest();
  const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  let block = Buffer.alloc(0);
  let position = 0;
  return () => {
    if (position + 6 > block.length) {
      block = stream.update(Buffer.alloc(6 * 512));
      position = 0;
    }
    const value = block.readUIntLE(position, 6) / 2 ** 48;
    position += 6;
    return value;
  };
}

/** Draws files at random from a list that may be too long for memory: each is as likely as any other that fits the limits. */
export class FileSample {
  readonly #limits: SampleLimits;
  readonly #random: () => number;
  readonly #drawn: ListedFile[] = [];
  #seen = 0;
  #total = 0;
  #totalBytes = 0;

  constructor(limits: SampleLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  /** How many files there are, also those that cannot be drawn. */
  get total(): number {
    return this.#total;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Algorithm R of Vitter's. */
  add(file: ListedFile): void {
    this.#total++;
    this.#totalBytes += file.size ?? 0;
    if ((file.size ?? 0) > this.#limits.bytes || !canBeNamed(file.path)) return;
    this.#seen++;
    if (this.#drawn.length < this.#limits.files) {
      this.#drawn.push(file);
      return;
    }
    const place = Math.floor(this.#random() * this.#seen);
    if (place < this.#drawn.length) this.#drawn[place] = file;
  }

  /** Those that were drawn, in an order of chance, as many as fit into the bytes. */
  take(): ListedFile[] {
    const order = this.#drawn
      .map((file) => ({ file, key: this.#random() }))
      .toSorted((one, other) => one.key - other.key);
    const taken: ListedFile[] = [];
    let bytes = 0;
    for (const { file } of order) {
      if (bytes + (file.size ?? 0) > this.#limits.bytes) continue;
      bytes += file.size ?? 0;
      taken.push(file);
    }
    return taken;
  }
}

/** Names with line breaks cannot stand in a list with a name a line. */
const canBeNamed = (path: Buffer): boolean => !path.includes(0x0a) && !path.includes(0x0d);

/** Bytes that mean something in patterns: `\ * ? [ ] { } ! #`, blank and tabulator. */
const special = new Set(Buffer.from('\\*?[]{}!# \t'));

/**
 * The content of a file for `--include-from` that names exactly these files: each below every place where the snapshot may begin (the source itself, or the
 * directory that a single file lies in).
 */
export function includeList(roots: readonly Buffer[], paths: readonly Buffer[]): Buffer {
  const lines = roots.flatMap((root) =>
    paths.map((path) =>
      Buffer.concat([escaped(withSlash(root)), escaped(path), Buffer.from('\n')]),
    ),
  );
  return Buffer.concat(lines);
}

const withSlash = (root: Buffer): Buffer =>
  root.at(-1) === 0x2f ? root : Buffer.concat([root, Buffer.from('/')]);

function escaped(bytes: Buffer): Buffer {
  const result: number[] = [];
  for (const byte of bytes) {
    if (special.has(byte)) result.push(0x5c);
    result.push(byte);
  }
  return Buffer.from(result);
}

/** Where the paths of a snapshot's list begin: its only source (or the directory of that), or the common parent of several. */
export function listRoots(sources: readonly Buffer[]): Buffer[] {
  const [first] = sources;
  if (first === undefined) return [];
  if (sources.length === 1) return [first, parentOf(first)];
  let common = parentOf(first);
  for (const source of sources) {
    while (!source.subarray(0, withSlash(common).length).equals(withSlash(common))) {
      common = parentOf(common);
    }
  }
  return [common];
}

function parentOf(path: Buffer): Buffer {
  const slash = path.lastIndexOf(0x2f);
  return slash <= 0 ? Buffer.from('/') : path.subarray(0, slash);
}
