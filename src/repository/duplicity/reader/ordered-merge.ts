import { compareIndex } from '../index-order.ts';

/** Items in index order, one after the other. */
export interface OrderedStream<Item extends { readonly path: Uint8Array }> {
  /** No item sorts before it. Until it is reached the stream is not asked for anything. */
  readonly firstPath: Uint8Array;
  /** The next item, after which the one before cannot be used any more; undefined at the end. */
  next(): Item | undefined | Promise<Item | undefined>;
}

/** An item and which of the streams it comes from. */
export interface MergedItem<Item> {
  readonly item: Item;
  readonly stream: number;
}

type Group<Item> = readonly MergedItem<Item>[];

interface Head<Item> {
  readonly path: Uint8Array;
  readonly stream: number;
  /** Undefined while nothing was asked for. */
  readonly item: Item | undefined;
}

/**
 * Goes through many ordered streams at once: each time all items that have the smallest path. Streams are begun when their turn comes, so that those that lie behind each other are not open
 * together.
 */
export class OrderedMerge<Item extends { readonly path: Uint8Array }> {
  readonly #streams: readonly OrderedStream<Item>[];
  readonly #heap: Head<Item>[] = [];
  /** The streams of the last group, and how many of them were asked for the next item. */
  #last: MergedItem<Item>[] = [];
  #advanced = 0;

  constructor(streams: readonly OrderedStream<Item>[]) {
    this.#streams = streams;
    for (const [stream, { firstPath }] of streams.entries()) {
      this.#push({ path: firstPath, stream, item: undefined });
    }
  }

  /** Items with the same path, those of the last stream first; undefined at the end. The group before cannot be used any more. A promise only where a stream gives one. */
  next(): Group<Item> | undefined | Promise<Group<Item> | undefined> {
    const [only] = this.#last;
    if (only !== undefined && this.#last.length === 1 && this.#heap.length === 0) {
      // All by itself.
      const item = this.#streams[only.stream]!.next();
      if (item instanceof Promise) return item.then((found) => this.#alone(found, only.stream));
      return this.#alone(item, only.stream);
    }
    while (this.#advanced < this.#last.length) {
      const wait = this.#advance(this.#last[this.#advanced]!.stream);
      this.#advanced++;
      if (wait !== undefined) return wait.then(() => this.next());
    }
    this.#last = [];
    this.#advanced = 0;
    return this.#collect();
  }

  #alone(item: Item | undefined, stream: number): Group<Item> | undefined {
    this.#last = item === undefined ? [] : [{ item, stream }];
    return item === undefined ? undefined : this.#last;
  }

  /** The items at the top of the heap that have one path. */
  #collect(): Group<Item> | undefined | Promise<Group<Item> | undefined> {
    for (;;) {
      const [top] = this.#heap;
      if (top === undefined) break;
      const path = this.#last[0]?.item.path;
      if (path !== undefined && compareIndex(path, top.path) !== 0) break;
      this.#pop();
      if (top.item === undefined) {
        const wait = this.#advance(top.stream);
        if (wait !== undefined) return wait.then(() => this.#collect());
        continue;
      }
      this.#last.push({ item: top.item, stream: top.stream });
    }
    return this.#last.length === 0 ? undefined : this.#last;
  }

  #advance(stream: number): Promise<void> | undefined {
    const item = this.#streams[stream]!.next();
    if (item instanceof Promise) return item.then((found) => this.#take(found, stream));
    this.#take(item, stream);
    return undefined;
  }

  #take(item: Item | undefined, stream: number): void {
    if (item !== undefined) this.#push({ path: item.path, stream, item });
  }

  #push(head: Head<Item>): void {
    const heap = this.#heap;
    let at = heap.push(head) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isOrdered(heap[parent]!, head)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = head;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && !isOrdered(heap[child]!, heap[child + 1]!)) child++;
      if (isOrdered(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

/** Whether `left` comes before `right`: the smaller path, what was not begun yet, the later stream. */
function isOrdered(left: Head<unknown>, right: Head<unknown>): boolean {
  const order = compareIndex(left.path, right.path);
  if (order !== 0) return order < 0;
  if ((left.item === undefined) !== (right.item === undefined)) return left.item === undefined;
  return left.stream >= right.stream;
}
