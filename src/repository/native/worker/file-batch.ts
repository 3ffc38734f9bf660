import { ByteReader } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import type { ErrorCode } from '../../../base/errors.ts';
import type { FileOutcome, FileRequest, ProblemReport } from './messages.ts';

/**
 * Batches of files as bytes, to be handed from thread to thread without a copy: cloning half a million small objects costs more than reading the files.
 */
const states = ['steady', 'moved', 'torn'] as const;
const problemState = 3;

const scratch = new ByteWriter(64 * 1024);

export function encodeRequests(requests: readonly FileRequest[]): Uint8Array<ArrayBuffer> {
  scratch.clear();
  for (const { path, displayPath, expected } of requests) {
    scratch
      .bytes(path)
      .bytes(displayPath === path ? none : displayPath)
      .varint(Number(expected.inode >> 32n))
      .varint(Number(expected.inode & 0xffffffffn))
      .varint(expected.device)
      .varint(expected.uid)
      .varint(expected.size);
  }
  return scratch.take();
}

export function* decodeRequests(bytes: Uint8Array): Generator<FileRequest, void, void> {
  const reader = new ByteReader(bytes);
  while (reader.remaining > 0) {
    const path = reader.bytes();
    const displayPath = reader.bytes();
    const inode = (BigInt(reader.varint()) << 32n) | BigInt(reader.varint());
    yield {
      path,
      displayPath: displayPath.length === 0 ? path : displayPath,
      expected: {
        inode,
        device: reader.varint(),
        uid: reader.varint(),
        size: reader.varint(),
      },
    };
  }
}

/** Collects how the files of a batch went. */
export class OutcomeWriter {
  readonly #out = new ByteWriter(64 * 1024);

  add(outcome: FileOutcome | ProblemReport): void {
    if ('code' in outcome) {
      this.#out.u8(problemState).text(outcome.code).text(outcome.message);
    } else {
      this.#out.u8(states.indexOf(outcome.state)).varint(outcome.size).bytes(outcome.list);
    }
  }

  /** What was added since the last call. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#out.take();
    this.#out.clear();
    return bytes;
  }
}

export function* decodeOutcomes(
  bytes: Uint8Array,
): Generator<FileOutcome | ProblemReport, void, void> {
  const reader = new ByteReader(bytes);
  while (reader.remaining > 0) {
    const number = reader.u8();
    const state = states[number];
    yield state === undefined
      ? { code: reader.text() as ErrorCode, message: reader.text() }
      : { state, size: reader.varint(), list: reader.bytes() };
  }
}

const none = new Uint8Array(0);
