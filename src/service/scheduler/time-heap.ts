export interface TimedItem<Item> {
  readonly at: number;
  readonly item: Item;
}

/** What comes next among many: a binary heap by time, and by name where times are the same. Adding and taking cost a handful of comparisons, looking at the first none. */
export class TimeHeap<Item> {
  readonly #nodes: TimedItem<Item>[] = [];
  readonly #nameOf: (item: Item) => string;

  constructor(
    nameOf: (item: Item) => string,
    items: Iterable<readonly [at: number, item: Item]> = [],
  ) {
    this.#nameOf = nameOf;
    for (const [at, item] of items) this.#nodes.push({ at, item });
    for (let index = (this.#nodes.length >>> 1) - 1; index >= 0; index--) this.#sink(index);
  }

  get size(): number {
    return this.#nodes.length;
  }

  /** The earliest time, `Infinity` without items. */
  get earliest(): number {
    return this.#nodes[0]?.at ?? Infinity;
  }

  add(at: number, item: Item): void {
    this.#nodes.push({ at, item });
    let index = this.#nodes.length - 1;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      if (!this.#isBefore(index, parent)) break;
      this.#swap(index, parent);
      index = parent;
    }
  }

  /** Takes away the first item if its time is not after `now`. */
  take(now: number): Item | undefined {
    const first = this.#nodes[0];
    if (first === undefined || first.at > now) return undefined;
    const last = this.#nodes.pop()!;
    if (this.#nodes.length > 0) {
      this.#nodes[0] = last;
      this.#sink(0);
    }
    return first.item;
  }

  /** The first items in the order of their times, without taking them away; looks only at what it needs to. */
  first(count: number): TimedItem<Item>[] {
    const found: TimedItem<Item>[] = [];
    const candidates = new TimeHeap<number>((index) => this.#nameOf(this.#nodes[index]!.item));
    if (this.#nodes.length > 0) candidates.add(this.#nodes[0]!.at, 0);
    while (found.length < count) {
      const index = candidates.take(Infinity);
      if (index === undefined) break;
      found.push(this.#nodes[index]!);
      for (const child of [2 * index + 1, 2 * index + 2]) {
        const node = this.#nodes[child];
        if (node !== undefined) candidates.add(node.at, child);
      }
    }
    return found;
  }

  #sink(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= this.#nodes.length) return;
      const right = left + 1;
      const isRight = right < this.#nodes.length && this.#isBefore(right, left);
      const child = isRight ? right : left;
      if (!this.#isBefore(child, index)) return;
      this.#swap(index, child);
      index = child;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const left = this.#nodes[one]!;
    const right = this.#nodes[other]!;
    if (left.at !== right.at) return left.at < right.at;
    return this.#nameOf(left.item) < this.#nameOf(right.item);
  }

  #swap(one: number, other: number): void {
    const kept = this.#nodes[one]!;
    this.#nodes[one] = this.#nodes[other]!;
    this.#nodes[other] = kept;
  }
}
