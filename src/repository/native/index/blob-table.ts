/**
 * Which blobs this run can count on, and where they are: 24 bytes a slot in shared memory, open addressing (native.md, section 9).
 *
 * Two tables. *Known* blobs come from the index; their number is known before loading, so it is allocated once. *Fresh* ones are
 * stored by this run; their table grows in place, part by part, without ever being copied. All threads work on the same memory: a
 * worker *claims* an id with one compare-and-exchange before it compresses. When two claim the same id at once there is a second copy, which is
 * harmless; a claim is worth nothing until its pack is durable, and the snapshot waits for that.
 *
 * A slot is six words: the first 16 bytes of the id, the pack number + 1 (0: being written, or free), and the blob's ordinal in the pack
 * with the flags in the low bits (0: free). 128 keyed bits make an accident at 10^8 blobs a 10^-22 event; the full id is compared on every read.
 */
const WORDS = 6;
const PACK = 4;
const ORDINAL = 5;
const TAKEN = 1;
const USED = 2;
const FLAG_BITS = 2;
const LOAD = 0.8;
/** Of the fresh table, which is looked through part by part: fewer, fuller parts are quicker. */
const FRESH_LOAD = 0.88;

/** Header words of the fresh table. */
const LOCK = 0;
const PARTS = 1;
const NEXT_PACK = 2;
const PART_LIST = 4;
/** For each part: first word, slots, how many are taken. */
const PART_WORDS = 3;
const MAX_PARTS = 400;
const HEADER_WORDS = PART_LIST + PART_WORDS * MAX_PARTS;
const FIRST_PART_SLOTS = 1 << 16;
const GROWTH = 1 / 6;
const MAX_FRESH_BYTES = 2 ** 33;

/** State bits of a pack. */
const RELIED = 1;
const STRUCK = 2;
const MAX_PACKS = 2 ** 26;

/** What another thread needs to use the same table. */
export interface BlobTableMemory {
  readonly known: SharedArrayBuffer;
  readonly fresh: SharedArrayBuffer;
  readonly packs: SharedArrayBuffer;
}

export interface BlobLocation {
  /** Number of the pack in this run's list of packs. */
  readonly pack: number;
  /** Which blob of the pack it is. */
  readonly ordinal: number;
}

export interface FoundBlob extends BlobLocation {
  readonly used: boolean;
}

export class BlobTable {
  readonly memory: BlobTableMemory;
  readonly #known: Int32Array;
  readonly #knownSlots: number;
  /** The header of the fresh table, and views of what is behind; fixed in length, because V8 asks the system for the length of growing ones at every access. */
  readonly #head: Int32Array;
  #freshView: Int32Array;
  #freshParts = 0;
  #packsView: Uint8Array;

  constructor(memory: BlobTableMemory) {
    this.memory = memory;
    this.#known = new Int32Array(memory.known);
    this.#knownSlots = this.#known.length / WORDS;
    this.#head = new Int32Array(memory.fresh, 0, HEADER_WORDS);
    this.#freshView = this.#head;
    this.#packsView = new Uint8Array(memory.packs, 0, memory.packs.byteLength);
  }

  /** An empty table with room for `knownBlobs` from the index, which lie in packs 0 … `knownPacks` − 1. */
  static allocate(knownBlobs: number, knownPacks: number): BlobTable {
    const slots = Math.max(16, Math.ceil(knownBlobs / LOAD));
    const known = new SharedArrayBuffer(slots * WORDS * 4);
    const firstBytes = (HEADER_WORDS + FIRST_PART_SLOTS * WORDS) * 4;
    const fresh = new SharedArrayBuffer(firstBytes, { maxByteLength: MAX_FRESH_BYTES });
    const words = new Int32Array(fresh);
    words[PARTS] = 1;
    words[NEXT_PACK] = knownPacks;
    words[PART_LIST] = HEADER_WORDS;
    words[PART_LIST + 1] = FIRST_PART_SLOTS;
    const packs = new SharedArrayBuffer(knownPacks + 1024, { maxByteLength: MAX_PACKS });
    return new BlobTable({ known, fresh, packs });
  }

  /** Adds a blob of the index, whose id stands at `offset`. Only before other threads use the table. A second place of the same blob is left out: false. */
  addKnown(bytes: Uint8Array, offset: number, pack: number, ordinal: number): boolean {
    const key = keyOf(bytes, offset);
    let slot = firstSlot(key, this.#knownSlots);
    for (;;) {
      const at = slot * WORDS;
      if (this.#known[at + ORDINAL] === 0) {
        this.#known.set(key, at);
        this.#known[at + PACK] = pack + 1;
        this.#known[at + ORDINAL] = (ordinal << FLAG_BITS) | TAKEN;
        return true;
      }
      if (sameKey(this.#known, at, key) && !this.isStruck(this.#known[at + PACK]! - 1)) {
        return false;
      }
      slot = slot + 1 === this.#knownSlots ? 0 : slot + 1;
    }
  }

  /** Where the blob is whose id stands at `offset`, and notes that this run relies on it; undefined when it must be stored. */
  use(bytes: Uint8Array, offset = 0): BlobLocation | undefined {
    const key = keyOf(bytes, offset);
    const parts = Atomics.load(this.#fresh, PARTS);
    for (let part = parts - 1; part >= 0; part--) {
      const first = this.#fresh[PART_LIST + part * PART_WORDS]!;
      const slots = this.#fresh[PART_LIST + part * PART_WORDS + 1]!;
      const found = this.#find(this.#fresh, first, slots, key);
      if (found >= 0) return this.#rely(this.#fresh, found);
    }
    const found = this.#find(this.#known, 0, this.#knownSlots, key);
    return found >= 0 ? this.#rely(this.#known, found) : undefined;
  }

  /** Where the blob is whose id stands at `offset`, and whether it is used; changes nothing. */
  find(bytes: Uint8Array, offset = 0): FoundBlob | undefined {
    return this.#lookUp(keyOf(bytes, offset), (words, at) => {
      const state = Atomics.load(words, at + ORDINAL);
      return { ...placeOf(words, at, state), used: (state & USED) !== 0 };
    });
  }

  /** Marks the blob whose id stands at `offset` as used, and says whether it was before; undefined if it is not here. */
  mark(bytes: Uint8Array, offset = 0): FoundBlob | undefined {
    return this.#lookUp(keyOf(bytes, offset), (words, at) => {
      const state = Atomics.or(words, at + ORDINAL, USED);
      return { ...placeOf(words, at, state), used: (state & USED) !== 0 };
    });
  }

  /**
   * Takes an id that `use` did not know for a pack that is being built. False when another thread was quicker (this run relies on its pack then). The caller
   * stores the blob if and only if the answer is true.
   */
  claim(id: Uint8Array, pack: number, ordinal: number): boolean {
    const key = keyOf(id);
    for (;;) {
      const part = Atomics.load(this.#fresh, PARTS) - 1;
      const list = PART_LIST + part * PART_WORDS;
      const slots = this.#fresh[list + 1]!;
      if (this.#fresh[list + 2]! >= slots * FRESH_LOAD) {
        this.#grow(part);
        continue;
      }
      return this.#insert(this.#fresh[list]!, slots, list + 2, key, pack, ordinal);
    }
  }

  /**
   * Notes that a blob that the caller has claimed for `from` is in another place. Who looks at it meanwhile finds either place, or the new pack with the old
   * ordinal. Throws a `RangeError` if it was not claimed for that.
   */
  move(id: Uint8Array, from: number, pack: number, ordinal: number): void {
    const key = keyOf(id);
    const words = this.#fresh;
    for (let part = 0; part < words[PARTS]!; part++) {
      const list = PART_LIST + part * PART_WORDS;
      const first = words[list]!;
      const slots = words[list + 1]!;
      let slot = firstSlot(key, slots);
      for (let at = first + slot * WORDS; words[at + ORDINAL] !== 0; at = first + slot * WORDS) {
        if (sameKey(words, at, key) && words[at + PACK] === from + 1) {
          this.rely(pack);
          Atomics.store(words, at + PACK, pack + 1);
          Atomics.store(words, at + ORDINAL, (ordinal << FLAG_BITS) | TAKEN | USED);
          return;
        }
        slot = slot + 1 === slots ? 0 : slot + 1;
      }
    }
    throw new RangeError(`Nothing like this was claimed for pack ${from}`);
  }

  /** A number for a pack that is opened now. */
  openPack(): number {
    const pack = Atomics.add(this.#fresh, NEXT_PACK, 1);
    this.#reservePack(pack);
    return pack;
  }

  /** How many packs have a number. */
  get packCount(): number {
    return Atomics.load(this.#fresh, NEXT_PACK);
  }

  isRelied(pack: number): boolean {
    return (Atomics.load(this.#packsOf(pack), pack) & RELIED) !== 0;
  }

  isStruck(pack: number): boolean {
    return (Atomics.load(this.#packsOf(pack), pack) & STRUCK) !== 0;
  }

  /** Takes a pack out: its blobs count as not stored from now on, and nothing relies on it any more. */
  strike(pack: number): void {
    Atomics.store(this.#packsOf(pack), pack, STRUCK);
  }

  rely(pack: number): void {
    Atomics.or(this.#packsOf(pack), pack, RELIED);
  }

  /** Calls `visit` with the place of every blob that was used, of every pack. */
  usedIn(pack: number, visit: (ordinal: number) => void): void {
    const scan = (words: Int32Array, first: number, slots: number): void => {
      for (let at = first; at < first + slots * WORDS; at += WORDS) {
        const state = words[at + ORDINAL]!;
        if ((state & USED) !== 0 && words[at + PACK] === pack + 1) visit(state >>> FLAG_BITS);
      }
    };
    scan(this.#known, 0, this.#knownSlots);
    for (let part = 0; part < Atomics.load(this.#fresh, PARTS); part++) {
      const list = PART_LIST + part * PART_WORDS;
      scan(this.#fresh, this.#fresh[list]!, this.#fresh[list + 1]!);
    }
  }

  #lookUp<Result>(
    key: Int32Array,
    take: (words: Int32Array, at: number) => Result,
  ): Result | undefined {
    for (let part = Atomics.load(this.#fresh, PARTS) - 1; part >= 0; part--) {
      const list = PART_LIST + part * PART_WORDS;
      const found = this.#find(this.#fresh, this.#fresh[list]!, this.#fresh[list + 1]!, key);
      if (found >= 0) return take(this.#fresh, found);
    }
    const found = this.#find(this.#known, 0, this.#knownSlots, key);
    return found >= 0 ? take(this.#known, found) : undefined;
  }

  get #fresh(): Int32Array {
    const parts = Atomics.load(this.#head, PARTS);
    if (parts !== this.#freshParts) {
      const { fresh } = this.memory;
      this.#freshView = new Int32Array(fresh, 0, fresh.byteLength / 4);
      this.#freshParts = parts;
    }
    return this.#freshView;
  }

  #packsOf(pack: number): Uint8Array {
    if (pack >= this.#packsView.length) {
      const { packs } = this.memory;
      this.#packsView = new Uint8Array(packs, 0, packs.byteLength);
    }
    return this.#packsView;
  }

  #rely(words: Int32Array, at: number): BlobLocation {
    const state = Atomics.or(words, at + ORDINAL, USED);
    const pack = words[at + PACK]! - 1;
    if ((this.#packsOf(pack)[pack]! & RELIED) === 0) Atomics.or(this.#packsOf(pack), pack, RELIED);
    return { pack, ordinal: state >>> FLAG_BITS };
  }

  /** The first word of the id's slot, or −1. Slots of struck packs are passed over. */
  #find(words: Int32Array, first: number, slots: number, key: Int32Array): number {
    let slot = firstSlot(key, slots);
    // Plain reads: a slot that another thread is just writing may look free or different, which costs a second copy at worst.
    for (;;) {
      const at = first + slot * WORDS;
      if (words[at + ORDINAL] === 0) return -1;
      if (sameKey(words, at, key) && !this.isStruck(published(words, at) - 1)) return at;
      slot = slot + 1 === slots ? 0 : slot + 1;
    }
  }

  #insert(
    first: number,
    slots: number,
    counter: number,
    key: Int32Array,
    pack: number,
    ordinal: number,
  ): boolean {
    const words = this.#fresh;
    const state = (ordinal << FLAG_BITS) | TAKEN | USED;
    let slot = firstSlot(key, slots);
    for (;;) {
      const at = first + slot * WORDS;
      if (Atomics.compareExchange(words, at + ORDINAL, 0, state) === 0) {
        words.set(key, at);
        Atomics.store(words, at + PACK, pack + 1);
        Atomics.add(words, counter, 1);
        this.rely(pack);
        return true;
      }
      const other = published(words, at) - 1;
      if (sameKey(words, at, key) && !this.isStruck(other)) {
        this.#rely(words, at);
        return false;
      }
      slot = slot + 1 === slots ? 0 : slot + 1;
    }
  }

  /** Adds a part after `part`, unless another thread has done so meanwhile. */
  #grow(part: number): void {
    while (Atomics.compareExchange(this.#fresh, LOCK, 0, 1) !== 0);
    try {
      const parts = this.#fresh[PARTS]!;
      if (parts !== part + 1) return;
      if (parts === MAX_PARTS) throw new RangeError('Too many blobs in one run');
      const list = PART_LIST + part * PART_WORDS;
      const first = this.#fresh[list]! + this.#fresh[list + 1]! * WORDS;
      const slots = Math.max(
        FIRST_PART_SLOTS,
        Math.ceil(((first - HEADER_WORDS) / WORDS) * GROWTH),
      );
      this.memory.fresh.grow((first + slots * WORDS) * 4);
      this.#fresh[list + PART_WORDS] = first;
      this.#fresh[list + PART_WORDS + 1] = slots;
      Atomics.store(this.#fresh, PARTS, parts + 1);
    } finally {
      Atomics.store(this.#fresh, LOCK, 0);
    }
  }

  #reservePack(pack: number): void {
    while (Atomics.compareExchange(this.#fresh, LOCK, 0, 1) !== 0);
    try {
      const { packs } = this.memory;
      if (pack >= packs.byteLength) packs.grow(Math.min(MAX_PACKS, packs.byteLength + 65536));
    } finally {
      Atomics.store(this.#fresh, LOCK, 0);
    }
  }
}

const keyWords = new Int32Array(4);
const keyBytes = new Uint8Array(keyWords.buffer);

/** The first 16 bytes of the id at `offset` as words; overwritten by the next call in this thread. */
function keyOf(id: Uint8Array, offset = 0): Int32Array {
  for (let index = 0; index < 16; index++) keyBytes[index] = id[offset + index]!;
  return keyWords;
}

/** Ids are keyed hashes, so any word of them spreads evenly; scaling avoids the division and needs no power of two. */
function firstSlot(key: Int32Array, slots: number): number {
  return Math.floor(((key[0]! >>> 0) / 2 ** 32) * slots);
}

function sameKey(words: Int32Array, at: number, key: Int32Array): boolean {
  return (
    words[at] === key[0] &&
    words[at + 1] === key[1] &&
    words[at + 2] === key[2] &&
    words[at + 3] === key[3]
  );
}

function placeOf(words: Int32Array, at: number, state: number): BlobLocation {
  return { pack: words[at + PACK]! - 1, ordinal: state >>> FLAG_BITS };
}

/** The pack number + 1 of a taken slot, once the thread that took it has written the id. */
function published(words: Int32Array, at: number): number {
  for (;;) {
    const pack = Atomics.load(words, at + PACK);
    if (pack !== 0) return pack;
  }
}
