/** The thread that opens segments, checks their blobs and hands them to a sink. It does one task at a time, synchronously. */
import { parentPort, workerData } from 'node:worker_threads';

import { equalBytes, toHex } from '../../../base/bytes.ts';
import { discardBytes } from '../../../base/discard-bytes.ts';
import { AppError, messageOf } from '../../../base/errors.ts';
import { threadFailureOf } from '../../../base/thread-failure.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { keyPairFromSeed, type XWingSecret } from '../../../codec/encryption/x-wing.ts';
import { BlobNamer } from '../content/blob-id.ts';
import { SegmentOpener } from '../packs/segment-opener.ts';
import type { PackKind } from '../packs/pack-table.ts';
import type { BlobSinkModule } from './blob-sink.ts';
import type {
  FromOpenWorker,
  OpenFailure,
  OpenResult,
  OpenTask,
  OpenWorkerSetup,
  ToOpenWorker,
} from './open-messages.ts';
import { decodeWanted, type WantedSegment } from './wanted-segments.ts';

/** Slots that are kept, opened: the reads of one pack come one after the other. */
const OPENERS = 16;

const port = parentPort!;
const setup = workerData as OpenWorkerSetup;
const secrets = new Map<PackKind, XWingSecret>();
for (const [kind, seed] of [
  ['meta', setup.metaSeed],
  ['data', setup.dataSeed],
] as const) {
  if (seed !== undefined) secrets.set(kind, keyPairFromSeed(seed).secret);
}
const namer = new BlobNamer(setup.idKey);
const module = (await import(setup.sinkModule)) as BlobSinkModule;
const send = (message: FromOpenWorker): void => port.postMessage(message);
const sink = module.openSink(setup.sinkSetup, (told) => send({ told }));
const openers = new Map<string, SegmentOpener>();

function openerOf({ kind, slots }: OpenTask, number: number): SegmentOpener {
  const slot = slots[number];
  const secret = secrets.get(kind);
  if (slot === undefined) throw new MalformedError('A segment names a slot that is not there');
  if (secret === undefined) {
    throw new AppError('repository/not-permitted', `There is no key for ${kind} packs here`);
  }
  const key = toHex(sha256(slot));
  let opener = openers.get(key);
  if (opener === undefined) {
    opener = new SegmentOpener(secret, slot, kind, setup.repositoryId);
    openers.set(key, opener);
    for (const oldest of openers.keys()) {
      if (openers.size <= OPENERS) break;
      openers.delete(oldest);
    }
  }
  return opener;
}

function takeSegment(task: OpenTask, segment: WantedSegment, failures: OpenFailure[]): void {
  let raw: Uint8Array;
  try {
    const stored = task.bytes.subarray(segment.offset, segment.offset + segment.storedLength);
    raw = openerOf(task, segment.slot).open(segment, stored);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    failures.push({ uses: segment.blobs.flatMap(({ uses }) => uses), reason: messageOf(error) });
    return;
  }
  for (const { offset, length, type, id, uses } of segment.blobs) {
    const bytes = raw.subarray(offset, offset + length);
    if (bytes.length === length && equalBytes(namer.nameOf(type, bytes), id)) {
      for (const use of uses) sink.take(use, bytes);
    } else {
      const reason = `What is stored as blob ${toHex(id)} is something else`;
      failures.push({ uses, reason });
    }
  }
  discardBytes(raw);
}

function work(task: OpenTask): OpenResult {
  const failures: OpenFailure[] = [];
  sink.begin(task.payload);
  for (const segment of decodeWanted(task.wanted)) takeSegment(task, segment, failures);
  discardBytes(task.bytes);
  return { answer: sink.end(), failures };
}

function flush(): OpenResult {
  sink.flush?.();
  return { answer: undefined, failures: [] };
}

port.on('message', (message: ToOpenWorker) => {
  if ('close' in message) {
    sink[Symbol.dispose]();
    port.close();
    return;
  }
  try {
    send({ result: 'flush' in message ? flush() : work(message.work) });
  } catch (error) {
    send({ failure: threadFailureOf(error) });
  }
});
