/** The thread that makes files and writes them, one task after the other, synchronously. */
import { parentPort, workerData } from 'node:worker_threads';

import { threadFailureOf } from '../../base/thread-failure.ts';
import type { FileThreadSetup, FromFileThread, ToFileThread } from './file-messages.ts';
import { openSink, putFiles } from './file-sink.ts';

const port = parentPort!;
const { options, stop } = workerData as FileThreadSetup;
const sink = openSink(options);
const send = (message: FromFileThread, memory: ArrayBuffer[] = []): void =>
  port.postMessage(message, memory);

port.on('message', (message: ToFileThread) => {
  if ('close' in message) {
    sink[Symbol.dispose]();
    port.close();
    return;
  }
  const { files } = message;
  try {
    const { content } = files;
    const answer = putFiles(sink, files, () => Atomics.load(stop, 0) !== 0);
    send({ answer, content }, [content.buffer]);
  } catch (error) {
    send({ failure: threadFailureOf(error) });
  }
});
