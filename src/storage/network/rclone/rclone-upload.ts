import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, messageOf } from '../../../base/errors.ts';
import { type Body, piecesOf, sizeOfBody } from '../../body.ts';

/**
 * Sends an object to `rclone serve restic --stdio` and gives the status of the answer. Its length is announced, so that rclone notices
 * when it ends early; after an abort or a failure of the body it is told to forget it.
 */
export async function uploadTo(
  session: ClientHttp2Session,
  path: string,
  body: Body,
  { name, signal }: CallOptions & { readonly name: string },
): Promise<number> {
  signal?.throwIfAborted();
  const stream = openStream(session, path, sizeOfBody(body), name);
  const answer = answerOf(stream, name);
  // It is awaited below; until then a failure must not count as unhandled.
  answer.catch(() => undefined);
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => undefined);
  const stop = (): void => aborted.reject(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  let whole = false;
  try {
    let isAnswered = false;
    const answered = answer.then(() => void (isAnswered = true));
    answered.catch(() => undefined);
    for await (const piece of piecesOf(name, body, { signal })) {
      if (stream.write(piece)) continue;
      // An answer that comes before the end is a refusal: nobody reads the rest.
      await Promise.race([drained(stream), answered, aborted.promise]);
      if (isAnswered) break;
    }
    signal?.throwIfAborted();
    stream.end();
    const status = await Promise.race([answer, aborted.promise]);
    whole = true;
    return status;
  } finally {
    signal?.removeEventListener('abort', stop);
    if (!whole) stream.close(constants.NGHTTP2_CANCEL);
  }
}

function openStream(
  session: ClientHttp2Session,
  path: string,
  size: number,
  name: string,
): ClientHttp2Stream {
  try {
    return session.request(
      { ':method': 'POST', ':path': path, 'content-length': String(size) },
      { endStream: false },
    );
  } catch (cause) {
    throw gone(name, cause);
  }
}

function answerOf(stream: ClientHttp2Stream, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    stream.once('response', (headers) => resolve(headers[':status'] ?? 0));
    stream.on('error', (error) => reject(gone(name, error)));
    stream.once('close', () => reject(gone(name)));
    // What it says besides the status is a phrase; it is read so that the stream ends.
    stream.resume();
  });
}

function drained(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('close', done);
  });
}

function gone(name: string, cause?: unknown): AppError {
  const reason = cause === undefined ? '' : `: ${messageOf(cause)}`;
  return new AppError(
    'storage/unavailable',
    `Cannot store "${name}": the connection to rclone broke off${reason}`,
    { cause },
  );
}
