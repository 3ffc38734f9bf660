import type { PreparedSegment } from './pack-builder.ts';

const most = 3;
/** Bytes of one, raw and compressed. */
const largest = 2.5 * 1024 * 1024;

/**
 * Segments that wait beside a pack that is nearly full: which of them it closes with is not known yet, nor which are for the next one. They lie in memory that is
 * used again and again.
 */
export class SegmentsAside {
  #held: { readonly segment: PreparedSegment; readonly memory: Uint8Array }[] = [];
  readonly #spare: Uint8Array[] = [];

  /** The oldest first. */
  get segments(): readonly PreparedSegment[] {
    return this.#held.map(({ segment }) => segment);
  }

  get isFull(): boolean {
    return this.#held.length === most;
  }

  /** Whether a segment is small enough to wait. */
  fits({ raw, contents }: PreparedSegment): boolean {
    return raw.length + (contents === raw ? 0 : contents.length) <= largest;
  }

  /** Puts a copy of a segment that fits aside, while this is not full. */
  add(segment: PreparedSegment): void {
    const memory = this.#spare.pop() ?? new Uint8Array(largest);
    const raw = memory.subarray(0, segment.raw.length);
    raw.set(segment.raw);
    let contents = raw;
    if (segment.contents !== segment.raw) {
      contents = memory.subarray(raw.length, raw.length + segment.contents.length);
      contents.set(segment.contents);
    }
    this.#held.push({ segment: { ...segment, raw, contents }, memory });
  }

  /** The oldest, or nothing; good until another is put aside. */
  takeOldest(): PreparedSegment | undefined {
    const oldest = this.#held.shift();
    if (oldest !== undefined) this.#spare.push(oldest.memory);
    return oldest?.segment;
  }

  /** All, the oldest first; good until another is put aside. */
  takeAll(): readonly PreparedSegment[] {
    const all = this.segments;
    this.#spare.push(...this.#held.map(({ memory }) => memory));
    this.#held = [];
    return all;
  }
}
