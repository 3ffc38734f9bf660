/** The thread that examines packs: one at a time, synchronously. */
import { parentPort, workerData } from 'node:worker_threads';

import { discardBytes } from '../../../base/discard-bytes.ts';
import { PackExaminer } from '../check/examine-pack.ts';
import type { CheckRequest, CheckWorkerSetup, FromCheckWorker } from './check-messages.ts';

const port = parentPort!;
const examiner = new PackExaminer(workerData as CheckWorkerSetup);

port.on('message', ({ name, bytes }: CheckRequest) => {
  let answer: FromCheckWorker;
  try {
    answer = { examination: examiner.examine(name, bytes) };
    discardBytes(bytes);
  } catch (error) {
    answer = {
      failure: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
  port.postMessage(answer);
});
