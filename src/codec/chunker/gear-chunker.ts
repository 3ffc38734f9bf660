import { gearKernel } from './gear-kernel.ts';
import { gearTable, topBits, WINDOW, type ChunkerParameters } from './parameters.ts';

interface Kernel {
  find(position: number, end: number, mask: number, hash: number): number;
  state(): number;
}

let compiled: WebAssembly.Module | undefined;

/**
 * Finds content-defined cuts (docs/formats/native.md, section 7.2) in one window of memory that the caller fills.
 *
 * The window is WebAssembly memory, so that files are read straight into it and the kernel needs no copy. One instance a thread.
 */
export class GearChunker {
  readonly parameters: ChunkerParameters;
  /** Where the caller puts data; positions below are offsets in it. */
  readonly window: Uint8Array<ArrayBuffer>;
  readonly #kernel: Kernel;
  readonly #table: Uint32Array;
  readonly #strict: number;
  readonly #loose: number;
  readonly #base: number;

  constructor(parameters: ChunkerParameters, chunkKey: Uint8Array, windowSize: number) {
    this.parameters = parameters;
    // The table is at address 0; the window follows it.
    this.#base = 1024;
    const memory = new WebAssembly.Memory({
      initial: Math.ceil((this.#base + windowSize) / 65536),
    });
    compiled ??= new WebAssembly.Module(Buffer.from(gearKernel, 'base64'));
    const instance = new WebAssembly.Instance(compiled, { env: { memory } });
    this.#kernel = instance.exports as unknown as Kernel;
    this.#table = new Uint32Array(memory.buffer, 0, 256);
    this.#table.set(gearTable(chunkKey));
    this.window = new Uint8Array(memory.buffer, this.#base, windowSize);
    this.#strict = topBits(parameters.strictBits);
    this.#loose = topBits(parameters.looseBits);
  }

  /**
   * The end of the chunk that starts at `start`, given that the window is filled up to `end`. 0 when that cannot be told before more
   * bytes are there; with `last`, `end` is the end of the data and the answer is never 0.
   */
  cut(start: number, end: number, last: boolean): number {
    const { minimum, normal, maximum } = this.parameters;
    if (end - start < maximum && !last) return 0;
    const from = start + minimum;
    if (from >= end) return end;
    const limit = Math.min(end, start + maximum);
    const middle = Math.min(limit, start + normal);
    const base = this.#base;
    const hash = this.#warm(from);
    const strict = this.#kernel.find(base + from, base + middle, this.#strict, hash) - base;
    if (strict < middle) return strict;
    return this.#kernel.find(base + middle, base + limit, this.#loose, this.#kernel.state()) - base;
  }

  /**
   * The divided form: all loose positions p with `from` ≤ p < `to`, as offsets in the window, each as `p × 2 + (strict ? 1 : 0)`. The 32
   * bytes before `from` must be in the window, unless the data begins there.
   */
  looseCuts(from: number, to: number): number[] {
    const base = this.#base;
    const found: number[] = [];
    let hash = this.#warm(from);
    let position = from;
    for (;;) {
      position = this.#kernel.find(base + position, base + to, this.#loose, hash) - base;
      if (position >= to) return found;
      const state = this.#kernel.state();
      found.push(position * 2 + ((state & this.#strict) === 0 ? 1 : 0));
      hash = ((state << 1) + this.#table[this.window[position]!]!) | 0;
      position++;
    }
  }

  #warm(position: number): number {
    let hash = 0;
    for (let at = Math.max(0, position - WINDOW); at < position; at++) {
      hash = ((hash << 1) + this.#table[this.window[at]!]!) | 0;
    }
    return hash;
  }
}
