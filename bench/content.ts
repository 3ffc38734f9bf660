import type { SeededRandom } from './seeded-random.ts';

/** Fills the target with one kind of content, about a subject. */
export type Content = (target: Buffer, random: SeededRandom, subject: Subject) => void;

/** What the files of one project have in common: its words, lines that come again and again, and the notice at the top of its files. */
export interface Subject {
  readonly words: readonly Buffer[];
  readonly lines: readonly Buffer[];
  readonly notice: Buffer;
}

const syllables = 'ba co de fi gu la me no pi ra se ti vo xe an er in or al it'.split(' ');
const keywords =
  'const let if return for while import from export function class new await this null true false'.split(
    ' ',
  );
const punctuation = [
  ' = ',
  '(',
  ') ',
  ', ',
  '; ',
  ' + ',
  '.',
  ' => ',
  ' { ',
  ' } ',
  ': ',
  " '",
  "' ",
  '[',
  '] ',
].map((text) => Buffer.from(text));
const newLines = [0, 2, 2, 4, 4, 4, 6, 8].map((indent) => Buffer.from(`\n${' '.repeat(indent)}`));

/** Some ten thousand words, of which the same few come again and again within one file. */
const vocabulary = makeVocabulary(12_000);

/** A project of its own. */
export function newSubject(random: SeededRandom): Subject {
  const words = Array.from(
    { length: 400 },
    () => vocabulary[random.below(vocabulary.length)] ?? Buffer.from('x'),
  );
  const sentence = (count: number): Buffer =>
    Buffer.from(
      Array.from({ length: count }, () =>
        (words[random.below(words.length)] ?? '').toString(),
      ).join(' '),
    );
  return {
    words,
    lines: Array.from({ length: 60 }, () => sentence(4 + random.below(8))),
    notice: sentence(60 + random.below(120)),
  };
}

const common = keywords.map((word) => Buffer.from(word));

/** Like the source of a program: a notice, identifiers, indentation, the words of the file and of its project, lines that others have too. */
export function sourceText(target: Buffer, random: SeededRandom, subject: Subject): void {
  const own = Array.from(
    { length: 80 },
    () => subject.words[random.below(subject.words.length)] ?? Buffer.from('x'),
  );
  let at = target.length > 2 * subject.notice.length ? subject.notice.copy(target) : 0;
  let untilLineEnd = 8;
  while (at < target.length) {
    const draw = random.next();
    const kind = draw & 15;
    // The square makes the first words of the file's own list the most frequent ones.
    const rank = ((draw >>> 16) / 65_536) ** 2;
    let word = own[Math.floor(rank * own.length)];
    if (kind < 3) word = common[(draw >>> 8) % common.length];
    if (kind === 3) word = vocabulary[(draw >>> 4) % vocabulary.length];
    at += word?.copy(target, at) ?? 0;
    at += (punctuation[(draw >>> 5) % punctuation.length] ?? word)?.copy(target, at) ?? 0;
    if (kind === 4 && at > 400) {
      // Something said before is said again.
      const from = at - 100 - ((draw >>> 8) % 300);
      at += target.copy(target, at, from, from + 20 + ((draw >>> 20) & 63));
    }
    if (--untilLineEnd === 0) {
      at += newLines[draw & 7]?.copy(target, at) ?? 0;
      untilLineEnd = 3 + ((draw >>> 12) & 7);
      if (draw >>> 24 < 50) {
        at += subject.lines[(draw >>> 3) % subject.lines.length]?.copy(target, at) ?? 0;
        untilLineEnd = 1;
      }
    }
  }
}

/** Records with the same keys and other values. */
export function json(target: Buffer, random: SeededRandom, subject: Subject): void {
  const keys = Array.from({ length: 6 }, (_, index) =>
    (subject.words[(random.below(8) + index * 8) % subject.words.length] ?? '').toString(),
  );
  let at = target.write('[\n');
  while (at < target.length) {
    const values = keys.map((key, index) => {
      if (index === 0)
        return `"${key}": "${random.next().toString(16)}${random.next().toString(16)}"`;
      if (index === 1) return `"${key}": ${random.below(1000)}`;
      if (index === 2) return `"${key}": ${random.fraction() < 0.8}`;
      return `"${key}": "${(vocabulary[Math.floor(random.fraction() ** 3 * 4000)] ?? '').toString()}"`;
    });
    at += target.write(`  { ${values.join(', ')} },\n`, at);
  }
}

/** Like object files and databases: fixed records in which some bytes are free and most follow from the one before. */
export function records(target: Buffer, random: SeededRandom): void {
  const length = 16 + 4 * random.below(8);
  const record = Buffer.alloc(length);
  random.fill(record);
  for (let at = 0; at < target.length; at += length) {
    const draw = random.next();
    record.writeUInt32LE((record.readUInt32LE() + 1 + (draw & 3)) >>> 0);
    record.writeUInt32LE(draw & 0xffffff, 4);
    record[8 + (draw % (length - 8))] = draw >>> 24;
    if ((draw & 0xf00) === 0) record[8 + ((draw >>> 4) % (length - 8))] = draw >>> 16;
    record.writeUInt16LE(random.next() & 0xffff, 10);
    record.copy(target, at);
  }
}

/** Like pictures, archives and encrypted files. */
export function incompressible(target: Buffer, random: SeededRandom): void {
  random.fill(target);
}

/** Like a disk: stretches of every kind, half of the bytes incompressible, some never written. */
export function diskImage(target: Buffer, random: SeededRandom, subject: Subject): void {
  for (let at = 0; at < target.length;) {
    const length = Math.min(target.length - at, 4096 * (1 + random.below(256)));
    const stretch = target.subarray(at, at + length);
    const kind = random.below(100);
    if (kind < 50) incompressible(stretch, random);
    else if (kind < 75) sourceText(stretch, random, subject);
    else if (kind < 90) records(stretch, random);
    else stretch.fill(0);
    at += length;
  }
}

function makeVocabulary(count: number): Buffer[] {
  // A sequence of its own, so that the words do not depend on what was made before.
  let state = 1;
  const draw = (limit: number): number => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223;
    return (state >>> 8) % limit;
  };
  return Array.from({ length: count }, () => {
    const parts = Array.from(
      { length: 2 + draw(4) },
      () => syllables[draw(syllables.length)] ?? '',
    );
    return Buffer.from(parts.join(''));
  });
}
