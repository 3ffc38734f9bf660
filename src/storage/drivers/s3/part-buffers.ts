import type { CallOptions } from '../../../base/call-options.ts';
import { Semaphore } from '../../../base/semaphore.ts';

/** Bytes of one part, which go back when it is disposed of. */
export interface PartBuffer extends Disposable {
  readonly bytes: Uint8Array;
  /** Set when nobody reads from it any more: only then it is used again. */
  isDone: boolean;
}

/** Memory that all parts under way have together, whatever the size of the objects. */
const budget = 128 * 1024 ** 2;

/** Buffers for what comes as a stream: a part must be known as a whole before it is signed. */
export class PartBuffers {
  readonly partSize: number;
  readonly #turns: Semaphore;
  readonly #spare: Uint8Array[] = [];

  constructor(partSize: number) {
    this.partSize = partSize;
    this.#turns = new Semaphore(Math.max(2, Math.floor(budget / partSize)));
  }

  /** Waits until there is memory for another part. */
  async take(size: number, { signal }: CallOptions): Promise<PartBuffer> {
    const turn = await this.#turns.acquire({ signal });
    // Small ones would keep large ones alive.
    const isWhole = size === this.partSize;
    const bytes = (isWhole ? this.#spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(size);
    const buffer: PartBuffer = {
      bytes,
      isDone: false,
      [Symbol.dispose]: () => {
        if (isWhole && buffer.isDone) this.#spare.push(bytes);
        buffer.isDone = false;
        turn[Symbol.dispose]();
      },
    };
    return buffer;
  }
}
