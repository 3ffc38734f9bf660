import { collect, streamOf } from '../../byte-stream.ts';
import type { HttpResponse } from '../../network/http-client.ts';

/**
 * The answer of a server that gives the whole object although a range was asked for, cut to that range; any other answer as it is.
 * `range` is the value of the header that was sent, `size` gives the bytes of the whole where the server does not say.
 */
export async function honouringRange(
  response: HttpResponse,
  range: string | undefined,
  size: () => Promise<number>,
): Promise<HttpResponse> {
  if (response.status !== 200) return response;
  const told = Number(response.header('content-length') ?? Number.NaN);
  const total = Number.isSafeInteger(told) ? told : await size();
  if (range === undefined) return withHeaders(response, 200, { 'content-length': String(total) });
  const [, first = '', last = ''] = /^bytes=([0-9]+)-([0-9]*)$/u.exec(range) ?? [];
  const offset = Number(first);
  if (offset >= total) return withHeaders(response, 416, {});
  const end = last === '' ? total : Math.min(Number(last) + 1, total);
  const stream = (): ReadableStream<Uint8Array> => part(response.stream(), offset, end);
  return {
    ...withHeaders(response, 206, {
      'content-range': `bytes ${offset}-${end - 1}/${total}`,
      'content-length': String(end - offset),
    }),
    stream,
    read: (length) => collect('the part', stream(), length),
  };
}

function withHeaders(
  response: HttpResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
): HttpResponse {
  return {
    ...response,
    status,
    header: (name) => headers[name] ?? response.header(name),
    // Of a whole object that nobody wants, no more is read than is on the way.
    discard: async () => {
      if (status === 206 || status === 416) await response.stream().cancel();
      else await response.discard();
    },
  };
}

/** The bytes from `offset` to `end` of a stream; what comes after is not waited for. */
function part(
  stream: ReadableStream<Uint8Array>,
  offset: number,
  end: number,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  let at = 0;
  let over = false;
  return streamOf({
    async next() {
      while (at < end) {
        const { done, value } = await reader.read();
        over = done;
        if (value === undefined) return undefined;
        const from = Math.max(0, offset - at);
        const to = Math.min(value.byteLength, end - at);
        at += value.byteLength;
        if (to > from) return value.subarray(from, to);
      }
      return undefined;
    },
    close: async (reason) => (over ? undefined : reader.cancel(reason)),
  });
}
