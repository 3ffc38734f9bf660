import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
  chmodSync,
} from 'node:fs';
import { join, relative } from 'node:path';

import {
  type Content,
  diskImage,
  incompressible,
  json,
  newSubject,
  records,
  sourceText,
  type Subject,
} from './content.ts';
import { SeededRandom } from './seeded-random.ts';

/** What is backed up. */
export type DataSet = 'small' | 'large';

export const dataSets: readonly DataSet[] = ['small', 'large'];

/** Counts up whenever other data would be made, so that old data is not taken for it. */
const version = 2;

const seed = 20_260_801;

/** Files and directories of the small tree, and bytes of the large files, at scale 1. */
const smallFiles = 53_000;
const smallDirectories = 5300;
const diskImageBytes = 2 * 2 ** 30;
const randomBytes = 2 ** 30;

interface Kind {
  readonly content: Content;
  readonly extensions: readonly string[];
  /** How many of a hundred files are of this kind. */
  readonly share: number;
  readonly median: number;
  readonly spread: number;
}

const kinds: readonly Kind[] = [
  {
    content: sourceText,
    extensions: ['.ts', '.c', '.py', '.h', '.md'],
    share: 54,
    median: 6300,
    spread: 1.2,
  },
  { content: json, extensions: ['.json'], share: 12, median: 3000, spread: 1.3 },
  { content: sourceText, extensions: ['.conf', '.txt', ''], share: 9, median: 200, spread: 0.8 },
  { content: records, extensions: ['.o', '.dat', '.db'], share: 15, median: 9000, spread: 1.5 },
  {
    content: incompressible,
    extensions: ['.jpg', '.gz', '.png'],
    share: 10,
    median: 13_500,
    spread: 1,
  },
];

/** The directory that holds a set, in the work directory. */
export function dataDirectory(work: string, set: DataSet): string {
  return join(work, 'data', set);
}

/**
 * Makes the data, or leaves it when the same was made before.
 *
 * @param scale 1 for the sizes that figures are about; less to try the benchmark out
 */
export function makeData(
  work: string,
  sets: readonly DataSet[],
  scale: number,
  say: (text: string) => void,
): void {
  for (const set of sets) {
    const directory = dataDirectory(work, set);
    const marker = `${directory}.json`;
    const made = JSON.stringify({ version, seed, scale });
    if (existsSync(marker) && readFileSync(marker, 'utf8') === made) continue;
    say(`Making the ${set} files in ${directory}`);
    rmSync(marker, { force: true });
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    if (set === 'small') makeTree(directory, scale);
    else makeLargeFiles(directory, scale);
    // Written last: without it the data is taken for unfinished.
    writeFileSync(marker, made);
  }
}

function makeTree(root: string, scale: number): void {
  const random = new SeededRandom(seed);
  const directories = makeDirectories(root, Math.ceil(smallDirectories * scale), random);
  const buffer = Buffer.alloc(16 * 2 ** 20);
  const made: string[] = [];
  for (let number = 0; number < Math.ceil(smallFiles * scale); number++) {
    const { path: directory, subject } = directories[random.below(directories.length)]!;
    const special = random.below(1000);
    const earlier = made[random.below(Math.max(1, made.length))];
    if (special < 5 && earlier !== undefined) {
      symlinkSync(relative(directory, earlier), join(directory, `link-${number}`));
      continue;
    }
    const kind = kindFor(random.below(100));
    const file = join(
      directory,
      `${wordFor(random)}-${number}${kind.extensions[random.below(kind.extensions.length)] ?? ''}`,
    );
    if (special < 35 && earlier !== undefined) {
      copyFileSync(earlier, file);
    } else {
      const content = buffer.subarray(
        0,
        special < 45 ? 0 : Math.min(buffer.length, random.size(kind.median, kind.spread)),
      );
      kind.content(content, random, subject);
      writeFileSync(file, content);
    }
    chmodSync(file, random.below(20) === 0 ? 0o755 : 0o644);
    setTime(file, random);
    made.push(file);
  }
  for (const { path } of directories.toReversed()) setTime(path, random);
}

interface Directory {
  readonly path: string;
  readonly depth: number;
  readonly subject: Subject;
}

/** Directories near the root are projects; what lies deeper belongs to the project above it. */
const projectDepth = 2;

function makeDirectories(root: string, count: number, random: SeededRandom): Directory[] {
  const directories: Directory[] = [{ path: root, depth: 0, subject: newSubject(random) }];
  for (let number = 1; number < count; number++) {
    let parent = directories[random.below(directories.length)]!;
    if (parent.depth > 9) parent = directories[0]!;
    const path = join(parent.path, `${wordFor(random)}-${number}`);
    mkdirSync(path, 0o755);
    const depth = parent.depth + 1;
    const subject = depth <= projectDepth ? newSubject(random) : parent.subject;
    directories.push({ path, depth, subject });
  }
  return directories;
}

function makeLargeFiles(root: string, scale: number): void {
  const random = new SeededRandom(seed + 1);
  const subject = newSubject(random);
  for (const [name, bytes, content] of [
    ['disk.img', diskImageBytes, diskImage],
    ['random.bin', randomBytes, incompressible],
  ] as const) {
    const path = join(root, name);
    const file = openSync(path, 'w', 0o644);
    try {
      const buffer = Buffer.alloc(8 * 2 ** 20);
      for (let left = Math.ceil(bytes * scale); left > 0; left -= buffer.length) {
        const part = buffer.subarray(0, Math.min(left, buffer.length));
        content(part, random, subject);
        writeSync(file, part);
      }
    } finally {
      closeSync(file);
    }
    setTime(path, random);
  }
}

function kindFor(percent: number): Kind {
  let left = percent;
  const kind = kinds.find(({ share }) => (left -= share) < 0);
  if (kind === undefined) throw new RangeError(`No kind of file for ${percent} %`);
  return kind;
}

function wordFor(random: SeededRandom): string {
  const words = [
    'alpha',
    'index',
    'report',
    'module',
    'Foto',
    'draft',
    'test',
    'main',
    'größe',
    'part',
    'old',
    'user',
  ];
  return words[random.below(words.length)] ?? '';
}

/** Some second of the years 2020 to 2024. */
function setTime(path: string, random: SeededRandom): void {
  const seconds = 1_577_836_800 + random.below(5 * 365 * 86_400);
  utimesSync(path, seconds, seconds);
}
