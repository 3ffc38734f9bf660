import type { ChunkerParameters } from './parameters.ts';

/**
 * Joins the loose positions of regions that were scanned apart to the cuts of the whole (docs/formats/native.md, section 7.2, rules 3
 * and 5). Regions are given in order; cuts come out as soon as they are certain.
 */
export class DividedCuts {
  readonly #parameters: ChunkerParameters;
  readonly #positions: number[] = [];
  #first = 0;
  #start = 0;
  #scanned = 0;

  constructor(parameters: ChunkerParameters) {
    this.#parameters = parameters;
  }

  /** Where the first chunk begins that is not yet known. */
  get start(): number {
    return this.#start;
  }

  /**
   * Takes the loose positions up to `scanned` (each `position × 2 + strict`, ascending, positions in the whole) and gives the cuts
   * that are certain now. With `last`, `scanned` is the end of the data.
   */
  add(loose: Iterable<number>, scanned: number, last: boolean): number[] {
    for (const position of loose) this.#positions.push(position);
    this.#scanned = scanned;
    const cuts: number[] = [];
    for (let cut = this.#next(last); cut !== 0; cut = this.#next(last)) {
      cuts.push(cut);
      this.#start = cut;
    }
    if (this.#first > 4096) this.#positions.splice(0, this.#first);
    if (this.#first > 4096) this.#first = 0;
    return cuts;
  }

  #next(last: boolean): number {
    const { minimum, normal, maximum } = this.#parameters;
    const start = this.#start;
    const end = this.#scanned;
    if (start >= end) return 0;
    while ((this.#positions[this.#first] ?? Infinity) < (start + minimum) * 2) this.#first++;
    for (let index = this.#first; index < this.#positions.length; index++) {
      const encoded = this.#positions[index]!;
      const position = Math.floor(encoded / 2);
      if (position >= start + maximum || position >= end) break;
      if (position >= start + normal || encoded % 2 === 1) return position;
    }
    if (start + maximum <= end) return start + maximum;
    return last ? end : 0;
  }
}
