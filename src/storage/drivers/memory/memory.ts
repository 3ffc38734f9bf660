import { type Clock, systemClock } from '../../../base/clock.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { type Body, piecesOf, sizeOfBody } from '../../body.ts';
import { resolveRange } from '../../byte-range.ts';
import { streamOf } from '../../byte-stream.ts';
import { defineDriver } from '../../driver.ts';
import { canStartName, checkObjectName } from '../../object-name.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';

const pieceSize = 256 * 1024;

export interface MemoryStorageSettings {
  readonly clock?: Clock;
  /** Bytes that fit; a `put` beyond them is `storage/out-of-space`. */
  readonly capacity?: number;
  readonly location?: string;
}

/** Objects in this process's memory: for tests and for trying things out. */
export class MemoryStorage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities = {
    atomicReplace: true,
    conditionalPut: true,
    listingLag: 0,
    modifiedTimes: true,
    concurrency: 8,
  };
  readonly #objects = new Map<string, { readonly bytes: Uint8Array; readonly modified: number }>();
  readonly #clock: Clock;
  readonly #capacity: number;

  constructor({
    clock = systemClock,
    capacity = Infinity,
    location = 'memory://',
  }: MemoryStorageSettings = {}) {
    this.#clock = clock;
    this.#capacity = capacity;
    this.location = location;
  }

  async put(
    name: string,
    body: Body,
    { signal, ifAbsent = false }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    checkObjectName(name);
    const bytes = new Uint8Array(sizeOfBody(body));
    let offset = 0;
    for await (const piece of piecesOf(name, body, { signal })) {
      bytes.set(piece, offset);
      offset += piece.byteLength;
    }
    signal?.throwIfAborted();
    if (ifAbsent && this.#objects.has(name)) {
      throw new AppError('storage/already-exists', `Cannot store "${name}": it is already there`);
    }
    const used = this.#used() - (this.#objects.get(name)?.bytes.byteLength ?? 0);
    if (used + bytes.byteLength > this.#capacity) {
      throw new AppError(
        'storage/out-of-space',
        `Cannot store "${name}": no space left in "${this.location}"`,
      );
    }
    this.#objects.set(name, { bytes, modified: this.#clock.now() });
  }

  async get(name: string, { signal, range }: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const bytes = await this.read(name, { signal, ...(range && { range }) });
    let offset = 0;
    return streamOf(
      {
        next: async () => {
          if (offset === bytes.byteLength) return undefined;
          const piece = bytes.slice(offset, offset + pieceSize);
          offset += piece.byteLength;
          return piece;
        },
        close: () => undefined,
      },
      { signal },
    );
  }

  async read(name: string, { signal, range }: GetOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const { bytes } = this.#find(name);
    const { offset, length } = resolveRange(name, bytes.byteLength, range);
    return bytes.slice(offset, offset + length);
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    signal?.throwIfAborted();
    const { bytes, modified } = this.#find(name);
    return { name, size: bytes.byteLength, modified };
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    if (!canStartName(prefix)) return;
    for (const [name, { bytes, modified }] of Array.from(this.#objects)) {
      if (!name.startsWith(prefix)) continue;
      yield { name, size: bytes.byteLength, modified };
      signal?.throwIfAborted();
    }
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    checkObjectName(name);
    this.#objects.delete(name);
  }

  /** The objects stay: whoever holds this storage can go on. */
  async [Symbol.asyncDispose](): Promise<void> {}

  #find(name: string): { readonly bytes: Uint8Array; readonly modified: number } {
    checkObjectName(name);
    const found = this.#objects.get(name);
    if (found !== undefined) return found;
    throw new AppError('storage/not-found', `No object "${name}" in "${this.location}"`);
  }

  #used(): number {
    let used = 0;
    for (const { bytes } of this.#objects.values()) used += bytes.byteLength;
    return used;
  }
}

/** The storages that `memory://NAME` stands for, for as long as the process lives. */
const named = new Map<string, MemoryStorage>();

/** `memory://NAME`: the same name gives the same storage. */
export const memoryDriver = defineDriver({
  scheme: 'memory',
  title: 'Memory of this process (for tests)',
  urlForms: ['memory://NAME'],
  testedAgainst: 'itself',
  options: [{ name: 'name', kind: 'string', help: 'Which of the storages in memory', default: '' }],
  fromUrl: (url) => ({ name: `${url.host ?? ''}${url.path}` }),
  async open({ name }, { clock }) {
    const known = named.get(name) ?? new MemoryStorage({ clock, location: `memory://${name}` });
    named.set(name, known);
    return known;
  },
});
