/** The thread that reads, cuts, names, compresses, seals and packs content. It does one task at a time, synchronously. */
import { parentPort, workerData } from 'node:worker_threads';

import { AppError } from '../../../base/errors.ts';
import { threadFailureOf } from '../../../base/thread-failure.ts';
import { systemRandom } from '../../../base/random.ts';
import { GearChunker } from '../../../codec/chunker/gear-chunker.ts';
import { signerFromSeed } from '../../../codec/encryption/signature.ts';
import { BlobNamer } from '../content/blob-id.ts';
import { BlobTable } from '../index/blob-table.ts';
import { BlobPacker } from '../packs/blob-packer.ts';
import type { ContentModule } from './content-module.ts';
import { decodeRequests, OutcomeWriter } from './file-batch.ts';
import { FileStorer } from './file-storer.ts';
import type {
  FileOutcome,
  FromStoreWorker,
  ProblemReport,
  StoreResult,
  StoreTask,
  StoreWorkerSetup,
} from './messages.ts';
import { openAhead, type OpenedFile } from './open-ahead.ts';
import { PackMemory } from './pack-memory.ts';

const WINDOW_SIZE = 8 * 1024 * 1024 + 64;

const port = parentPort!;
const setup = workerData as StoreWorkerSetup;
const memory = new PackMemory(setup.packStates);

const send = (message: FromStoreWorker): void => port.postMessage(message);

const { signerSeed, ...context } = setup.context;
const packer = new BlobPacker(
  { ...context, signer: signerFromSeed(signerSeed), random: systemRandom },
  'data',
  new BlobTable(setup.table),
  new BlobNamer(setup.idKey),
  (pack) => send({ pack, slot: memory.slot }),
  (size) => memory.take(size),
);
const chunker = new GearChunker(setup.chunker, setup.chunkKey, WINDOW_SIZE);
const content = (await import(setup.contentModule)) as ContentModule;
const storer = new FileStorer(content, chunker, packer);
const outcomes = new OutcomeWriter();

/** A problem with the source is an answer; anything else is the end of the run. */
function problemOf(error: unknown): ProblemReport {
  if (error instanceof AppError && error.code.startsWith('source/')) {
    return { code: error.code, message: error.message };
  }
  throw error;
}

function outcomeOf(file: OpenedFile): FileOutcome | ProblemReport {
  try {
    return storer.store(file);
  } catch (error) {
    return problemOf(error);
  }
}

function work(task: StoreTask): StoreResult {
  switch (task.type) {
    case 'files': {
      for (const file of openAhead(content, decodeRequests(task.requests)))
        outcomes.add(outcomeOf(file));
      return { type: 'files', outcomes: outcomes.take() };
    }
    case 'blobs':
      return { type: 'ids', ids: storer.storeBlobs(task.blobs), short: false };
    case 'flush':
      packer.flush();
      return { type: 'flushed' };
    case 'scan':
    case 'chunks':
      try {
        if (task.type === 'scan') {
          return { type: 'scan', loose: storer.scan(task.region, task.start) };
        }
        return { type: 'ids', ...storer.storeChunks(task.region, task.lengths) };
      } catch (error) {
        return { type: 'problem', problem: problemOf(error) };
      }
  }
}

port.on('message', (task: StoreTask) => {
  try {
    const before = packer.rawAdded;
    const result = work(task);
    send({ result, rawAdded: packer.rawAdded - before });
  } catch (error) {
    send({ failure: threadFailureOf(error) });
  }
});
