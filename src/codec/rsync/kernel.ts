import { layout } from './kernel-layout.ts';
import { rsyncKernel } from './rsync-kernel.ts';

const pageSize = 65536;
/** Kernels with more memory than this are left to the garbage collector. */
const keptBytes = 8 * 1024 * 1024;
const keptKernels = 3;

/** What tools/build-rsync-kernel.ts exports; everything that is named `p` or ends in `At` is an address. */
interface KernelFunctions {
  md4(p: number, length: number): void;
  md4Four(p: number, length: number): void;
  blake2b(p: number, length: number): void;
  rollsum(p: number, length: number): number;
  rabinKarp(p: number, length: number): number;
  build(
    recordsAt: number,
    strongLength: number,
    count: number,
    tableAt: number,
    bits: number,
  ): void;
  find(weak: number, digestAt: number): number;
  isBlock(index: number, weak: number, digestAt: number): number;
  scanRollsum(p: number, end: number, length: number, weak: number): number;
  scanRabinKarp(p: number, end: number, length: number, weak: number): number;
  weak(): number;
  isKnown(): number;
}

let compiled: WebAssembly.Module | undefined;
const idle: Kernel[] = [];

/** The inner loops on one memory. Whoever takes one has it alone until it is given back. */
export class Kernel {
  readonly functions: KernelFunctions;
  readonly #memory: WebAssembly.Memory;
  #bytes: Uint8Array<ArrayBuffer>;

  private constructor() {
    this.#memory = new WebAssembly.Memory({ initial: 1 });
    compiled ??= new WebAssembly.Module(Buffer.from(rsyncKernel, 'base64'));
    const instance = new WebAssembly.Instance(compiled, { env: { memory: this.#memory } });
    this.functions = instance.exports as unknown as KernelFunctions;
    this.#bytes = new Uint8Array(this.#memory.buffer);
  }

  /** A kernel with at least so many bytes of memory, the first `layout.free` of which are its own. */
  static take(size: number): Kernel {
    const kernel = idle.pop() ?? new Kernel();
    const missing = size - kernel.#bytes.length;
    if (missing > 0) {
      kernel.#memory.grow(Math.ceil(missing / pageSize));
      kernel.#bytes = new Uint8Array(kernel.#memory.buffer);
    }
    return kernel;
  }

  /** All of its memory. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** For the next one who needs a kernel; this caller must not touch it any more. */
  giveBack(): void {
    if (idle.length < keptKernels && this.#bytes.length <= keptBytes) idle.push(this);
  }
}

/** The address of the last digest that a kernel computed, or of the `lane`-th of the last four. */
export function digestAt(lane = 0): number {
  return layout.digest + lane * 16;
}
