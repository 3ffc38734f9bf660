import { AppError } from '../../base/errors.ts';

/** A piece of what a command printed. */
export interface CommandFrame {
  readonly stream: 'output' | 'errors';
  readonly piece: Buffer;
}

const headerLength = 8;

/**
 * Takes apart what an engine sends of a command without a terminal: pieces after a header of eight bytes (stream 1 or 2, three zeros, length as a big
 * endian number), as "Stream format" of the Docker Engine API says. A stream that ends inside of a piece is `container/unavailable`: it has lost something.
 */
export async function* readCommandFrames(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<CommandFrame, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  let current: CommandFrame['stream'] = 'output';
  let missing = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (rest.length > 0) {
      if (missing === 0) {
        if (rest.length < headerLength) break;
        current = streamOf(rest);
        missing = rest.readUInt32BE(4);
        rest = rest.subarray(headerLength);
        continue;
      }
      // Passed on as it comes: a piece may be as large as the engine likes.
      const piece = rest.subarray(0, missing);
      missing -= piece.length;
      rest = rest.subarray(piece.length);
      yield { stream: current, piece };
    }
  }
  if (missing > 0 || rest.length > 0)
    throw new AppError(
      'container/unavailable',
      'The output of a command in a container breaks off',
    );
}

function streamOf(header: Buffer): CommandFrame['stream'] {
  const [kind = 255, ...zeros] = header.subarray(0, 4);
  if (kind > 2 || zeros.some((zero) => zero !== 0))
    throw new AppError('container/failed', 'The container engine sends output in an unknown form');
  return kind === 2 ? 'errors' : 'output';
}
