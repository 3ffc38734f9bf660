import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { type Body, piecesOf, smallPieces } from '../body.ts';
import { collect, collectAll, streamOf, tapStream } from '../byte-stream.ts';
import { watchOfCall } from '../call-watch.ts';
import type { ByteSource, GetOptions, Storage } from '../storage.ts';
import { forward } from './forward.ts';
import { TokenBucket } from './token-bucket.ts';

/** Bodies are handed on in pieces of this size, so that the rate is even. */
const pieceSize = 64 * 1024;

/** Bytes a second in each direction, `undefined` for no limit. Both may be set at any time. */
export class TransferRates {
  #upload: number | undefined;
  #download: number | undefined;

  constructor({
    upload,
    download,
  }: { readonly upload?: number | undefined; readonly download?: number | undefined } = {}) {
    this.upload = upload;
    this.download = download;
  }

  get upload(): number | undefined {
    return this.#upload;
  }

  set upload(rate: number | undefined) {
    this.#upload = checkedRate(rate);
  }

  get download(): number | undefined {
    return this.#download;
  }

  set download(rate: number | undefined) {
    this.#download = checkedRate(rate);
  }
}

/** Keeps to the rates, for all calls together. A call that begins without a limit is passed on untouched. */
export function throttling(
  inner: Storage,
  rates: TransferRates,
  { clock }: { readonly clock: Clock },
): Storage {
  const up = new TokenBucket(() => rates.upload, clock);
  const down = new TokenBucket(() => rates.download, clock);
  async function get(name: string, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const { signal } = options;
    const stream = await inner.get(name, options);
    return tapStream(
      stream,
      { piece: (piece) => down.take(piece.byteLength, { signal }) },
      { signal },
    );
  }
  return {
    ...forward(inner),
    put: (name, body, options) =>
      inner.put(name, rates.upload === undefined ? body : slowly(name, body, up, options), options),
    get,
    async read(name, options) {
      if (rates.download === undefined) return inner.read(name, options);
      const stream = await get(name, options);
      const length = options?.range?.length;
      return length === undefined ? collectAll(stream) : collect(name, stream, length);
    },
  };
}

/** The same body, each piece of which waits for its turn. */
function slowly(
  name: string,
  body: Body,
  bucket: TokenBucket,
  { signal }: CallOptions = {},
): ByteSource {
  return {
    size: body instanceof Uint8Array ? body.byteLength : body.size,
    stream() {
      const watch = watchOfCall();
      const pieces = smallPieces(piecesOf(name, body, { signal }), pieceSize);
      return streamOf(
        {
          async next() {
            const { done, value } = await pieces.next();
            if (done === true) return undefined;
            await watch.waits(() => bucket.take(value.byteLength, { signal }));
            return value;
          },
          close: async () => void (await pieces.return()),
        },
        { signal },
      );
    },
  };
}

function checkedRate(rate: number | undefined): number | undefined {
  if (rate === undefined || rate >= 1) return rate;
  throw new AppError(
    'input/usage',
    `A transfer rate of ${rate} bytes a second would stop everything`,
    {
      hint: 'Leave the limit out for no limit',
    },
  );
}
