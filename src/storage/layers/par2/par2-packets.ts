import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/** What recovery files say about the file that they protect. */
export interface FileDescription {
  /** As the program would write it when it repairs. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Of the whole content, in hexadecimal. */
  readonly md5: string;
}

const magic = Buffer.from('PAR2\0PKT');
const description = Buffer.from('PAR 2.0\0FileDesc');
const headerLength = 64;
/** Identifier, two checksums, size; then the name. */
const fixedLength = 16 + 16 + 16 + 8;
/** No name is that long. */
const longestPacket = headerLength + fixedLength + 4096;
const windowLength = 1024 ** 2;

/**
 * The file descriptions in a recovery file, wherever in it they are: exactly those that the program would believe, whose checksum is
 * right. (Parity Volume Set Specification 2.0, "Packet Header", "File Description packet".)
 */
export async function fileDescriptionsIn(handle: FileHandle): Promise<readonly FileDescription[]> {
  const found: FileDescription[] = [];
  const window = Buffer.alloc(windowLength + longestPacket);
  for (let start = 0; ; start += windowLength) {
    const { bytesRead } = await handle.read(window, 0, window.byteLength, start);
    const isLast = bytesRead < window.byteLength;
    found.push(...descriptionsAt(window.subarray(0, bytesRead), isLast ? Infinity : windowLength));
    if (isLast) return found;
  }
}

/** The same for bytes in memory. */
export function fileDescriptionsOf(bytes: Uint8Array): readonly FileDescription[] {
  return descriptionsAt(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), Infinity);
}

/** Those that begin before `end`. */
function descriptionsAt(bytes: Buffer, end: number): FileDescription[] {
  const found: FileDescription[] = [];
  for (let at = bytes.indexOf(magic); at >= 0 && at < end; at = bytes.indexOf(magic, at + 1)) {
    const length = at + headerLength > bytes.byteLength ? 0n : bytes.readBigUInt64LE(at + 8);
    if (length < headerLength + fixedLength || length > longestPacket) continue;
    const packet = bytes.subarray(at, at + Number(length));
    if (packet.byteLength < Number(length) || !packet.subarray(48, 64).equals(description))
      continue;
    const checksum = createHash('md5').update(packet.subarray(32)).digest();
    if (!checksum.equals(packet.subarray(16, 32))) continue;
    const body = packet.subarray(headerLength);
    found.push({
      md5: body.toString('hex', 16, 32),
      size: Number(body.readBigUInt64LE(48)),
      name: body.toString('utf8', fixedLength).replace(/\0+$/u, ''),
    });
  }
  return found;
}
