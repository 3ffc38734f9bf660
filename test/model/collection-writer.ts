import type { Moment } from './collection-moment.ts';
import { chunkNumbers, none, readWriter, words, writerAt, writerWord } from './collection-state.ts';
import { wordAt } from './state-search.ts';

/** What a writer may do next. */
export function writerSteps(moment: Moment, writer: number): void {
  const { at, first, second, uploads } = readWriter(
    wordAt(moment.state, moment.layout.firstWriter + writer),
  );
  switch (at) {
    case writerAt.start:
      loadIndex(moment, writer);
      break;
    case writerAt.firstUpload:
    case writerAt.uploadAgain:
      upload(moment, writer, at, first, second, uploads);
      break;
    case writerAt.publishFinal:
      publishFinal(moment, writer, first, second, uploads);
      break;
    case writerAt.firstLook:
    case writerAt.secondLook:
    case writerAt.thirdLook:
      look(moment, writer, at, first, second, uploads);
      break;
    default:
      finish(moment, writer, at, uploads);
  }
}

/** The index says where a chunk lies now, or where it lay long ago, or nothing. */
function loadIndex(moment: Moment, writer: number): void {
  const { needs, gapsInIndex } = moment.configuration;
  const { firstWriter, thiefPack, holding, contents } = moment.layout;
  const need = needs[writer] ?? 0;
  // Equal writers start in order: which of them is called the first makes no difference.
  const before =
    writer === 0 ? undefined : readWriter(wordAt(moment.state, firstWriter + writer - 1));
  if (before?.at === writerAt.start && needs[writer - 1] === need) return;
  const [firstPlaces, secondPlaces] = chunkNumbers.map((chunk) => {
    if (!((need >> chunk) & 1)) return [none];
    const existing = moment.packs & holding[chunk] & ~thiefPack;
    const places = [0];
    for (let pack = 1; pack < contents.length; pack++)
      if ((existing >> pack) & 1) places.push(pack);
    return gapsInIndex ? [...places, none] : places;
  });
  for (const first of firstPlaces ?? []) {
    for (const second of secondPlaces ?? []) {
      writerGoes(moment, writer, 'loads an index', 0, writerAt.firstUpload, first, second, 0);
    }
  }
}

/** Uploads what is missing; after a check that failed it looks for other copies first. */
function upload(
  moment: Moment,
  writer: number,
  at: number,
  first: number,
  second: number,
  uploads: number,
): void {
  const { needs, check } = moment.configuration;
  const { thiefPack, holding } = moment.layout;
  const need = needs[writer] ?? 0;
  const missing = (first === none ? need & 1 : 0) | (second === none ? need & 2 : 0);
  const after =
    at === writerAt.firstUpload && check === 'after-final'
      ? writerAt.publishFinal
      : writerAt.firstLook;
  if (!missing) {
    writerGoes(moment, writer, 'has nothing to upload', 0, after, first, second, uploads);
    return;
  }
  if (at === writerAt.uploadAgain) {
    // The trust rule keeps writers away from the thief's pack.
    const clean = moment.packs & ~moment.doomed & ~thiefPack;
    if ((moment.layout.chunksIn(clean) & missing) === missing) {
      const newFirst = missing & 1 ? newest(clean & holding[0]) : first;
      const newSecond = missing & 2 ? newest(clean & holding[1]) : second;
      writerGoes(
        moment,
        writer,
        'finds what it needs in another pack',
        0,
        after,
        newFirst,
        newSecond,
        uploads,
      );
    }
  }
  if (uploads < moment.configuration.uploads) {
    const pack = moment.layout.writerPack(writer, uploads, missing);
    moment.next[words.packs] = moment.packs | (1 << pack);
    writerGoes(
      moment,
      writer,
      'uploads pack',
      1 << pack,
      after,
      missing & 1 ? pack : first,
      missing & 2 ? pack : second,
      uploads + 1,
    );
  }
}

function publishFinal(
  moment: Moment,
  writer: number,
  first: number,
  second: number,
  uploads: number,
): void {
  const { repeatedUploads, check } = moment.configuration;
  if (repeatedUploads) {
    for (const pack of new Set([first, second])) {
      if (pack <= 0 || (moment.packs >> pack) & 1) continue;
      moment.next[words.packs] = moment.packs | (1 << pack);
      writerGoes(
        moment,
        writer,
        'repeats the upload of pack',
        1 << pack,
        writerAt.publishFinal,
        first,
        second,
        uploads,
      );
    }
  }
  const after = check === 'before-final' ? writerAt.publishSeal : writerAt.firstLook;
  moment.next[words.finals] = moment.finals | (1 << writer);
  if (moment.lagging) moment.next[words.hidden] = moment.hidden | (1 << writer);
  writerGoes(moment, writer, 'publishes its final', 0, after, first, second, uploads);
}

/** The check, in three steps: is a pack doomed, is the pack of the first chunk there, and that of the second. */
function look(
  moment: Moment,
  writer: number,
  at: number,
  first: number,
  second: number,
  uploads: number,
): void {
  const { lag, firstLook, looksForTombstones, looksForPacks, unchangedChecked, check } =
    moment.configuration;
  // Waits until everybody can see its final.
  if (moment.lagging && lag !== 'nobody-waits' && (moment.hidden >> writer) & 1) return;
  const step = at - writerAt.firstLook;
  const done = check === 'before-final' ? writerAt.publishFinal : writerAt.publishSeal;
  const after = at === writerAt.thirdLook ? done : at + 1;
  if (step === (firstLook === 'tombstones' ? 0 : 2)) {
    const unchangedSpared = !unchangedChecked && first === 0;
    const firstDoomed =
      looksForTombstones && first !== none && (moment.doomed >> first) & 1 && !unchangedSpared;
    const secondDoomed = looksForTombstones && second !== none && (moment.doomed >> second) & 1;
    const goesOn = firstDoomed || secondDoomed ? writerAt.uploadAgain : after;
    writerGoes(
      moment,
      writer,
      'looks for tombstones',
      0,
      goesOn,
      firstDoomed ? none : first,
      secondDoomed ? none : second,
      uploads,
    );
    return;
  }
  const chunk = firstLook === 'tombstones' ? step - 1 : step;
  const pack = chunk === 0 ? first : second;
  if (!looksForPacks || pack === none) {
    writerGoes(
      moment,
      writer,
      'need not look for chunk',
      1 << chunk,
      after,
      first,
      second,
      uploads,
    );
    return;
  }
  // A listing may show deleted packs, or may have caught up.
  for (const view of moment.ghosts
    ? [moment.packs, moment.packs | moment.ghosts]
    : [moment.packs]) {
    const isThere = (view >> pack) & 1 || (!unchangedChecked && chunk === 0 && pack === 0);
    const newFirst = isThere || chunk === 1 ? first : none;
    const newSecond = isThere || chunk === 0 ? second : none;
    const goesOn = isThere ? after : writerAt.uploadAgain;
    writerGoes(
      moment,
      writer,
      isThere ? 'finds pack' : 'misses pack',
      1 << pack,
      goesOn,
      newFirst,
      newSecond,
      uploads,
    );
  }
}

/** Seals; then makes sure that nobody is about to reap the final, or has. */
function finish(moment: Moment, writer: number, at: number, uploads: number): void {
  const { lag, reaping } = moment.configuration;
  const { reapers, sealBit } = moment.layout;
  const own = 1 << writer;
  const end = (step: string, result: number): void =>
    writerGoes(moment, writer, step, 0, result, none, none, 0);
  if (at === writerAt.publishSeal) {
    moment.next[words.seals] = moment.seals | own;
    if (reapers === 0) {
      end('publishes its seal and reports success', writerAt.succeeded);
      return;
    }
    if (moment.lagging) moment.next[words.hidden] = moment.hidden | (own << sealBit);
    writerGoes(
      moment,
      writer,
      'publishes its seal',
      0,
      writerAt.lookForReaper,
      none,
      none,
      uploads,
    );
  } else if (at === writerAt.lookForReaper) {
    if (lag === 'all-wait' && moment.hidden & (own << sealBit)) return;
    if (moment.doomedFinals & own && reaping !== 'no-look-after-seal')
      end('finds its final doomed and reports failure', writerAt.failed);
    else
      writerGoes(
        moment,
        writer,
        'finds no tombstone of its final',
        0,
        writerAt.lookForFinal,
        none,
        none,
        uploads,
      );
  } else if (at === writerAt.lookForFinal) {
    if (moment.finals & own || reaping === 'no-look-after-seal')
      end('reports success', writerAt.succeeded);
    else end('misses its final and reports failure', writerAt.failed);
  }
}

function writerGoes(
  moment: Moment,
  writer: number,
  step: string,
  packs: number,
  at: number,
  first: number,
  second: number,
  uploads: number,
): void {
  moment.next[moment.layout.firstWriter + writer] = writerWord(at, first, second, uploads);
  moment.found(`writer ${writer}`, step, packs);
}

/** The pack that came last, of at least one. */
function newest(packs: number): number {
  return 31 - Math.clz32(packs);
}
