import type { Writable } from 'node:stream';

/** Writes a piece to a program; fulfilled when it takes more: `false` if it never will, because it ended or closed its input. */
export async function give(input: Writable, piece: Uint8Array): Promise<boolean> {
  if (!input.writable) return false;
  if (input.write(piece)) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onDrain = (): void => resolve(true);
  const onClose = (): void => resolve(false);
  input.once('drain', onDrain).once('close', onClose);
  try {
    return await promise;
  } finally {
    input.off('drain', onDrain).off('close', onClose);
  }
}

/** Waits until the pipe has everything that was written, or will never take it. */
export async function drained(input: Writable): Promise<void> {
  if (!input.writable || input.writableLength === 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  input.write(new Uint8Array(0), () => resolve());
  await promise;
}

/** Writes a stream to a program, until it takes no more. Never rejects: gives what reading the stream threw. */
export async function feed(
  input: Writable,
  stored: AsyncIterable<Uint8Array>,
): Promise<{ readonly error: unknown } | undefined> {
  try {
    for await (const piece of stored) if (!(await give(input, piece))) break;
    return undefined;
  } catch (error) {
    return { error };
  } finally {
    // The program shall see an end, and fail if it is too early.
    input.end();
  }
}
