import { ByteReader } from '../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../codec/binary/byte-writer.ts';

/** What a restored blob is for: all of a file, or a part of one that was made before. */
export type FileStep =
  | {
      readonly kind: 'whole';
      /** Bring an existing file up to date, rather than make a new one. */
      readonly update: boolean;
      /** Below the target. */
      readonly directory: Uint8Array;
      /** The encoded entry (native.md, section 7.4). */
      readonly entry: Uint8Array;
    }
  | {
      readonly kind: 'part';
      /** Write only what differs. */
      readonly update: boolean;
      readonly directory: Uint8Array;
      readonly name: Uint8Array;
      readonly position: number;
    };

const UPDATE = 1;
const PART = 2;

/** Steps as one array of bytes; directories, which repeat, are written once while they do. */
export function encodeSteps(steps: readonly FileStep[]): Uint8Array {
  const out = new ByteWriter(16 * 1024).varint(steps.length);
  let directory: Uint8Array | undefined;
  for (const step of steps) {
    const repeats = directory === step.directory;
    out.u8((step.update ? UPDATE : 0) + (step.kind === 'part' ? PART : 0)).u8(repeats ? 0 : 1);
    if (!repeats) out.bytes(step.directory);
    directory = step.directory;
    if (step.kind === 'part') out.bytes(step.name).varint(step.position);
    else out.bytes(step.entry);
  }
  return out.take();
}

export function decodeSteps(bytes: Uint8Array): FileStep[] {
  const reader = new ByteReader(bytes);
  const steps: FileStep[] = [];
  let directory: Uint8Array = new Uint8Array(0);
  for (let left = reader.varint(); left > 0; left--) {
    const flags = reader.u8();
    const update = (flags & UPDATE) !== 0;
    if (reader.u8() === 1) directory = reader.bytes();
    if ((flags & PART) === 0) {
      steps.push({ kind: 'whole', update, directory, entry: reader.bytes() });
    } else {
      const name = reader.bytes();
      steps.push({ kind: 'part', update, directory, name, position: reader.varint() });
    }
  }
  return steps;
}
