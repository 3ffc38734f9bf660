/** What comes next among many: a binary heap by time. Adding and taking cost a handful of comparisons, looking at the first none. */
export class TimeHeap<Item> {
  readonly #nodes: { readonly at: number; readonly item: Item }[] = [];

  constructor(items: Iterable<readonly [at: number, item: Item]> = []) {
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
      if (this.#nodes[parent]!.at <= this.#nodes[index]!.at) break;
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
  first(count: number): { readonly at: number; readonly item: Item }[] {
    const found: { readonly at: number; readonly item: Item }[] = [];
    const candidates = new TimeHeap<number>();
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
      const isRight = right < this.#nodes.length && this.#nodes[right]!.at < this.#nodes[left]!.at;
      const child = isRight ? right : left;
      if (this.#nodes[index]!.at <= this.#nodes[child]!.at) return;
      this.#swap(index, child);
      index = child;
    }
  }

  #swap(one: number, other: number): void {
    const kept = this.#nodes[one]!;
    this.#nodes[one] = this.#nodes[other]!;
    this.#nodes[other] = kept;
  }
}
