import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

import { SeededRandom } from './seeded-random.ts';

const LARGE = 20 * 1024 * 1024;

/** A tree of a few hundred small files and a large one, which changes the same way for the same seed. */
export class ChangingTree {
  readonly root: string;
  readonly #random: SeededRandom;
  #next = 0;

  constructor(root: string, seed: number, { large = LARGE, files = 300 } = {}) {
    this.root = root;
    this.#random = new SeededRandom(seed);
    for (let directory = 0; directory < 12; directory++) {
      mkdirSync(`${root}/directory-${directory}/below`, { recursive: true });
    }
    for (let index = 0; index < files; index++) this.#addFile();
    if (large > 0) writeFileSync(`${root}/large`, this.#random.bytes(large));
    symlinkSync('large', `${root}/link`);
  }

  /** Some files change, come and go; now and then a part of the large one. */
  change(): void {
    const random = this.#random;
    for (let count = random.below(8); count >= 0; count--) {
      const path = this.#pathOf(random.below(this.#next));
      const kind = random.below(4);
      if (kind === 0) rmSync(path, { force: true });
      else if (kind === 1) this.#addFile();
      else if (existsSync(path) || kind === 2)
        writeFileSync(path, random.bytes(random.below(6000)));
      if (kind === 3 && existsSync(path))
        utimesSync(path, random.below(2 ** 31), random.below(2 ** 31));
    }
    if (random.below(3) === 0 && existsSync(`${this.root}/large`)) {
      const file = openSync(`${this.root}/large`, 'r+');
      const bytes = random.bytes(1 + random.below(2 * 1024 * 1024));
      writeSync(file, bytes, 0, bytes.length, random.below(LARGE - bytes.length));
      closeSync(file);
    }
  }

  #addFile(): void {
    const random = this.#random;
    writeFileSync(this.#pathOf(this.#next++), random.bytes(random.below(5000)));
  }

  #pathOf(index: number): string {
    const below = index % 5 === 0 ? '/below' : '';
    return `${this.root}/directory-${index % 12}${below}/file-${index}`;
  }
}
