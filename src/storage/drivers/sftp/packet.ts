import { asBuffer } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';

/** The types of packets of version 3 that a client sends or understands (draft-ietf-secsh-filexfer-02, section 3). */
export const packetType = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  stat: 17,
  rename: 18,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attributes: 105,
  extended: 200,
  extendedReply: 201,
} as const;

/** The codes of answers of the type `status`, section 7 of the draft. */
export const statusCode = {
  ok: 0,
  endOfFile: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  unsupported: 8,
} as const;

/** Flags of `open`, section 6.3 of the draft. */
export const openFlag = { read: 0x01, write: 0x02, create: 0x08, exclusive: 0x20 } as const;

/** One value in a packet: a number is a uint32, a bigint a uint64; text and bytes are preceded by their length. */
export type Field = number | bigint | string | Uint8Array;

/** What is known of a file; what the server does not say is missing. */
export interface FileAttributes {
  /** Bytes. */
  readonly size?: number;
  /** Type and permissions, as in `st_mode`. */
  readonly mode?: number;
  /** Milliseconds since 1970. */
  readonly modified?: number;
}

const attributeFlag = { size: 0x1, owner: 0x2, mode: 0x4, times: 0x8, extended: 0x8000_0000 };

/** A packet with its length in front. With `payload`, a last field of that many bytes follows, which the caller sends itself. */
export function encodePacket(
  type: number,
  fields: readonly Field[],
  payload?: { readonly byteLength: number },
): Buffer {
  const parts = fields.map((field) => (typeof field === 'string' ? Buffer.from(field) : field));
  let size = 1 + (payload === undefined ? 0 : 4);
  for (const part of parts) size += sizeOf(part);
  const packet = Buffer.allocUnsafe(4 + size);
  packet.writeUInt32BE(size + (payload?.byteLength ?? 0), 0);
  packet[4] = type;
  let offset = 5;
  for (const part of parts) {
    if (typeof part === 'number') offset = packet.writeUInt32BE(part, offset);
    else if (typeof part === 'bigint') offset = packet.writeBigUInt64BE(part, offset);
    else {
      offset = packet.writeUInt32BE(part.byteLength, offset);
      packet.set(part, offset);
      offset += part.byteLength;
    }
  }
  if (payload !== undefined) packet.writeUInt32BE(payload.byteLength, offset);
  return packet;
}

function sizeOf(part: number | bigint | Uint8Array): number {
  if (typeof part === 'number') return 4;
  return typeof part === 'bigint' ? 8 : 4 + part.byteLength;
}

/** Reads the fields of a packet one after the other; throws `storage/unavailable` when the packet ends before the field. */
export class PacketReader {
  readonly #packet: Buffer;
  #offset = 0;

  constructor(packet: Uint8Array) {
    this.#packet = asBuffer(packet);
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#packet.byteLength;
  }

  byte(): number {
    return this.#packet.readUInt8(this.#advance(1));
  }

  uint32(): number {
    return this.#packet.readUInt32BE(this.#advance(4));
  }

  uint64(): bigint {
    return this.#packet.readBigUInt64BE(this.#advance(8));
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const length = this.uint32();
    const start = this.#advance(length);
    return this.#packet.subarray(start, start + length);
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  attributes(): FileAttributes {
    const flags = this.uint32();
    const attributes: { size?: number; mode?: number; modified?: number } = {};
    if (flags & attributeFlag.size) attributes.size = Number(this.uint64());
    if (flags & attributeFlag.owner) this.#advance(8);
    if (flags & attributeFlag.mode) attributes.mode = this.uint32();
    if (flags & attributeFlag.times) {
      this.#advance(4);
      attributes.modified = this.uint32() * 1000;
    }
    if (flags & attributeFlag.extended) {
      for (let count = this.uint32(); count > 0; count--) {
        this.bytes();
        this.bytes();
      }
    }
    return attributes;
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (start + length > this.#packet.byteLength) throw notSftp('a packet ends too early');
    this.#offset = start + length;
    return start;
  }
}

/** What the server sent is not what this protocol allows. */
export function notSftp(reason: string): AppError {
  return new AppError('storage/unavailable', `The server does not speak SFTP: ${reason}`, {
    hint: 'Look whether the login prints something before it serves (a start-up file of the shell must be silent)',
  });
}
