/** The thread that hashes temporary files while they are written, and decrypts them when they are whole. */
import { setImmediate as otherMessages } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';

import { toHex } from '../../../base/bytes.ts';
import { checkMessage } from '../../../codec/encryption/openpgp/message-decoder.ts';
import type { PieceSource } from '../../../codec/encryption/openpgp/piece-source.ts';
import { PassphraseKeys } from '../../../codec/encryption/openpgp/string-to-key.ts';
import { threadFailureOf } from '../../../base/thread-failure.ts';
import { Digests } from './digests.ts';
import { type FilePart, readFully } from './file-part.ts';
import type { FromInspectWorker, ToInspectWorker } from './inspect-messages.ts';

const PIECE = 1024 * 1024;

/** Digests on their way, and what failed meanwhile. */
interface Running {
  readonly digests: Digests;
  failure: unknown;
}

const port = parentPort!;
const hashing = new Map<number, Running>();
const decrypting = new Map<number, AbortController>();
const memory = Buffer.allocUnsafeSlow(PIECE);
/** Those of the last passphrase: that of an archive hardly changes. */
let known: { readonly name: string; readonly keys: PassphraseKeys } | undefined;

function answer(message: FromInspectWorker): void {
  port.postMessage(message);
}

function tellFailure(task: number, error: unknown): void {
  answer({ task, failure: threadFailureOf(error) });
}

function hash(running: Running, { fd, position, length }: FilePart): void {
  if (running.failure !== undefined) return;
  try {
    for (let done = 0; done < length; done += PIECE) {
      const piece = memory.subarray(0, Math.min(PIECE, length - done));
      readFully(fd, piece, position + done);
      running.digests.update(piece);
    }
  } catch (error) {
    running.failure = error;
  }
}

function finish(task: number, { digests, failure }: Running, rest: Uint8Array): void {
  hashing.delete(task);
  if (failure !== undefined) {
    tellFailure(task, failure);
    return;
  }
  digests.update(rest);
  answer({ task, digests: digests.finish() });
}

async function decrypt(task: number, message: FilePart, passphrase: Uint8Array): Promise<void> {
  const stop = new AbortController();
  decrypting.set(task, stop);
  try {
    await checkMessage(piecesOf(message), keysOf(passphrase), { signal: stop.signal });
    answer({ task, isMessage: true });
  } catch (error) {
    tellFailure(task, error);
  } finally {
    decrypting.delete(task);
  }
}

function piecesOf({ fd, position, length }: FilePart): PieceSource {
  let done = 0;
  // Not what is hashed with, which goes on meanwhile.
  const pieceMemory = new Uint8Array(PIECE);
  return {
    read: async () => {
      // What is hashed, and whether this is still wanted, comes by messages.
      await otherMessages();
      if (done === length) return undefined;
      const piece = pieceMemory.subarray(0, Math.min(PIECE, length - done));
      readFully(fd, piece, position + done);
      done += piece.length;
      return piece;
    },
  };
}

function keysOf(passphrase: Uint8Array): PassphraseKeys {
  const name = toHex(passphrase);
  if (known?.name !== name) known = { name, keys: new PassphraseKeys(passphrase) };
  return known.keys;
}

port.on('message', (message: ToInspectWorker) => {
  const { task } = message;
  if ('algorithms' in message) {
    hashing.set(task, { digests: new Digests(message.algorithms), failure: undefined });
  } else if ('message' in message) {
    void decrypt(task, message.message, message.passphrase);
  } else if ('drop' in message) {
    hashing.delete(task);
    decrypting.get(task)?.abort();
  } else {
    const running = hashing.get(task);
    if (running === undefined) return;
    if ('part' in message) hash(running, message.part);
    else finish(task, running, message.rest);
  }
});
