/** The thread that examines packs: one at a time, synchronously. */
import { parentPort, workerData } from 'node:worker_threads';

import { discardBytes } from '../../../base/discard-bytes.ts';
import { PackExaminer } from '../check/examine-pack.ts';
import type { CheckRequest, CheckWorkerSetup, FromCheckWorker } from './check-messages.ts';

const port = parentPort!;
const examiner = new PackExaminer(workerData as CheckWorkerSetup);

port.on('message', ({ task, name, bytes }: CheckRequest) => {
  let answer: FromCheckWorker;
  try {
    answer = { task, examination: examiner.examine(name, bytes) };
    discardBytes(bytes);
  } catch (error) {
    answer = {
      task,
      failure: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
  port.postMessage(answer);
});
