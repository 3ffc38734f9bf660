import type { ByteSource } from './byte-source.ts';
import { damagedMessage } from './message-error.ts';
import { packetTag } from './packet-tag.ts';
import type { PieceSource } from './piece-source.ts';

/** A packet whose body is read from the stream; `body` is good until the next packet is asked for. */
export interface Packet {
  readonly tag: number;
  readonly body: PieceSource;
}

/** Pieces of a body are at most so long. */
const pieceLimit = 1 << 20;

/** Takes a stream of packets apart (RFC 4880, 4.2): new and old headers, partial and indeterminate lengths. */
export class PacketReader {
  readonly #source: ByteSource;
  #body: PacketBody | undefined;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The next packet that is no marker, or `undefined` at the end. What is left of the one before it is passed over. */
  async next(): Promise<Packet | undefined> {
    for (;;) {
      await this.#body?.skip();
      this.#body = undefined;
      if (await this.#source.isAtEnd()) return undefined;
      const first = await this.#source.readByte();
      if ((first & 0x80) === 0) throw damagedMessage('holds something that is no packet');
      const isNew = (first & 0x40) !== 0;
      const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f;
      if (tag === 0) throw damagedMessage('holds a packet of the forbidden kind 0');
      this.#body = isNew
        ? new PacketBody(this.#source, 0, true)
        : await oldBody(this.#source, first & 3);
      if (isNew) await this.#body.start();
      if (tag !== packetTag.marker) return { tag, body: this.#body };
    }
  }
}

/** The whole body of a small packet; `repository/damaged` if it is longer than `limit`. */
export async function readWhole(body: PieceSource, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let part = await body.read(); part !== undefined; part = await body.read()) {
    length += part.length;
    if (length > limit) throw damagedMessage('holds a packet that is too long for its kind');
    parts.push(new Uint8Array(part));
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** RFC 4880, 4.2.1: length types 0 to 2 are lengths in 1, 2 and 4 bytes, 3 goes to the end of the stream. */
async function oldBody(source: ByteSource, lengthType: number): Promise<PacketBody> {
  if (lengthType === 3) return new PacketBody(source, Infinity, false);
  const bytes = await source.readExactly(1 << lengthType);
  return new PacketBody(
    source,
    bytes.reduce((length, byte) => length * 256 + byte, 0),
    false,
  );
}

class PacketBody implements PieceSource {
  readonly #source: ByteSource;
  #left: number;
  /** Whether another length follows when `#left` is used up. */
  #continues: boolean;
  /** For short parts that are put together. */
  #memory: Uint8Array | undefined;

  constructor(source: ByteSource, left: number, continues: boolean) {
    this.#source = source;
    this.#left = left;
    this.#continues = continues;
  }

  /** Reads the first length of a new header; that of a partial body has to be 512 at least (4.2.2.4). */
  async start(): Promise<void> {
    await this.#readLength();
    if (this.#continues && this.#left < 512) throw damagedMessage('has a part that is too short');
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#left === 0) {
      if (!this.#continues) return undefined;
      await this.#readLength();
    }
    const piece = await this.#source.readSome(Math.min(this.#left, pieceLimit));
    if (piece !== undefined) {
      this.#left -= piece.length;
      return this.#left === 0 && this.#continues ? this.#gathered(piece) : piece;
    }
    if (this.#left !== Infinity) throw damagedMessage('is cut off');
    this.#left = 0;
    return undefined;
  }

  /** A short part and all that is there of those that follow, in one piece: gpg makes parts of 8 KiB, and each piece has its costs. */
  #gathered(first: Uint8Array): Uint8Array {
    const memory = (this.#memory ??= new Uint8Array(pieceLimit));
    memory.set(first);
    let length = first.length;
    while (length < pieceLimit) {
      if (this.#left === 0) {
        if (!this.#continues) break;
        const { buffered } = this.#source;
        const size = lengthSize(buffered[0]);
        if (buffered.length < size) break;
        this.#source.take(size);
        this.#decode(buffered.subarray(0, size));
      }
      const piece = this.#source.take(Math.min(this.#left, pieceLimit - length));
      if (piece.length === 0) break;
      memory.set(piece, length);
      length += piece.length;
      this.#left -= piece.length;
    }
    return memory.subarray(0, length);
  }

  async skip(): Promise<void> {
    while ((await this.read()) !== undefined);
  }

  async #readLength(): Promise<void> {
    const first = (await this.#source.peek())?.[0];
    this.#decode(await this.#source.readExactly(lengthSize(first)));
  }

  /** RFC 4880, 4.2.2. */
  #decode([first = 0, a = 0, b = 0, c = 0, d = 0]: Uint8Array): void {
    this.#continues = first >= 224 && first < 255;
    if (this.#continues) this.#left = 2 ** (first & 0x1f);
    else if (first < 192) this.#left = first;
    else if (first < 224) this.#left = ((first - 192) << 8) + a + 192;
    else this.#left = ((a * 256 + b) * 256 + c) * 256 + d;
  }
}

/** Bytes of a length that begins with `first`; 1 where nothing does. */
function lengthSize(first = 0): number {
  if (first < 192 || (first >= 224 && first < 255)) return 1;
  return first < 224 ? 2 : 5;
}
