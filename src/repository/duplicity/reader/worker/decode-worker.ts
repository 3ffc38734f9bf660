/** The thread that decrypts and decompresses volumes, so that the main one can write files meanwhile. */
import { parentPort } from 'node:worker_threads';

import { discardLastPiece } from '../../../../base/discard-bytes.ts';
import { toHex } from '../../../../base/bytes.ts';
import { AppError } from '../../../../base/errors.ts';
import { gunzip } from '../../../../codec/compression/gunzip.ts';
import { openMessage } from '../../../../codec/encryption/openpgp/message-decoder.ts';
import { PassphraseKeys } from '../../../../codec/encryption/openpgp/string-to-key.ts';
import { threadFailureOf } from '../../../../base/thread-failure.ts';
import { streamPlace } from '../temporary-store.ts';
import {
  type DecodeTask,
  type FromDecodeWorker,
  pieceLength,
  type ToDecodeWorker,
} from './decode-messages.ts';

/** What is read of a stored volume at a time. */
const STORED_PIECE = 512 * 1024;

/** A volume that is being decoded. */
interface Running {
  /** Pieces that may be sent now. */
  free: number;
  isClosed: boolean;
  wake: (() => void) | undefined;
}

const port = parentPort!;
const running = new Map<number, Running>();
/** Memory of whole pieces that were used up. */
const returned: ArrayBuffer[] = [];
/** Those of the last passphrase: that of an archive hardly changes. */
let known: { readonly name: string; readonly keys: PassphraseKeys } | undefined;

function keysOf(passphrase: Uint8Array): PassphraseKeys {
  const name = toHex(passphrase);
  if (known?.name !== name) known = { name, keys: new PassphraseKeys(passphrase) };
  return known.keys;
}

async function* decoded({ place, coding, passphrase }: DecodeTask): AsyncGenerator<Uint8Array> {
  // Either decoder has used up a piece when it asks for the next one.
  const stored = streamPlace(place, STORED_PIECE, { reusesMemory: true });
  if (coding === 'gzip') {
    for await (const piece of gunzip(stored)) {
      yield piece;
      discardLastPiece(piece);
    }
    return;
  }
  if (passphrase === undefined) throw new AppError('internal', 'There is no passphrase');
  const source = { read: async () => (await stored.next()).value ?? undefined };
  await using message = await openMessage(source, keysOf(passphrase), {});
  for (let piece = await message.read(); piece !== undefined; piece = await message.read()) {
    yield piece;
  }
}

async function decode(volume: number, task: DecodeTask, state: Running): Promise<void> {
  const send = (message: FromDecodeWorker, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer);
  let out = newPiece();
  let filled = 0;
  const flush = async (): Promise<void> => {
    while (state.free === 0 && !state.isClosed) {
      await new Promise<void>((resolve) => (state.wake = resolve));
    }
    if (state.isClosed) return;
    state.free--;
    const piece = filled === out.length ? out : out.slice(0, filled);
    send({ volume, piece }, [piece.buffer]);
    filled = 0;
    if (piece === out) out = newPiece();
  };
  try {
    for await (const piece of decoded(task)) {
      for (let offset = 0; offset < piece.length && !state.isClosed;) {
        const part = piece.subarray(offset, offset + out.length - filled);
        out.set(part, filled);
        filled += part.length;
        offset += part.length;
        if (filled === out.length) await flush();
      }
      if (state.isClosed) return;
    }
    if (filled > 0) await flush();
    send({ volume, end: true });
  } catch (error) {
    // What came before the damage is given, too.
    if (filled > 0) await flush();
    send({ volume, failure: threadFailureOf(error) });
  } finally {
    running.delete(volume);
  }
}

function newPiece(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(returned.pop() ?? new ArrayBuffer(pieceLength));
}

port.on('message', (message: ToDecodeWorker) => {
  const { volume } = message;
  if ('task' in message) {
    const state: Running = { free: message.task.ahead, isClosed: false, wake: undefined };
    running.set(volume, state);
    void decode(volume, message.task, state);
    return;
  }
  if ('used' in message && message.memory?.byteLength === pieceLength) {
    returned.push(message.memory);
  }
  const state = running.get(volume);
  if (state === undefined) return;
  if ('used' in message) state.free++;
  else state.isClosed = true;
  state.wake?.();
});
