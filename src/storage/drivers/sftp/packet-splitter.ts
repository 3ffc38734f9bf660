import { notSftp } from './packet.ts';

/** Servers send at most 256 KiB of data in a packet; what says it is longer is something else, as the greeting of a shell. */
const longestPacket = 512 * 1024;

/** Cuts a stream of bytes into packets. A packet that lies within one piece is not copied. */
export class PacketSplitter {
  readonly #onPacket: (packet: Buffer) => void;
  #waiting: Buffer[] = [];
  #size = 0;
  /** The length of the packet that is awaited, when it is known. */
  #expected: number | undefined;

  /** `onPacket` gets each packet without its length. */
  constructor(onPacket: (packet: Buffer) => void) {
    this.#onPacket = onPacket;
  }

  /** Takes the next bytes. Throws `storage/unavailable` when they cannot be SFTP. */
  push(piece: Buffer): void {
    this.#waiting.push(piece);
    this.#size += piece.byteLength;
    for (;;) {
      if (this.#expected === undefined) {
        if (this.#size < 4) return;
        this.#expected = this.#take(4).readUInt32BE(0);
        if (this.#expected < 1 || this.#expected > longestPacket)
          throw notSftp('it sends packets of an impossible length');
      }
      if (this.#size < this.#expected) return;
      const packet = this.#take(this.#expected);
      this.#expected = undefined;
      this.#onPacket(packet);
    }
  }

  #take(length: number): Buffer {
    const [first] = this.#waiting;
    this.#size -= length;
    if (first !== undefined && first.byteLength >= length) {
      if (first.byteLength === length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    const joined = Buffer.concat(this.#waiting);
    this.#waiting = joined.byteLength === length ? [] : [joined.subarray(length)];
    return joined.subarray(0, length);
  }
}
