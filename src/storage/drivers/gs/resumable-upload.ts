import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import { partsOf } from '../../network/body-parts.ts';
import type { HttpResponse } from '../../network/http-client.ts';

export interface ResumableUpload extends CallOptions {
  /** A multiple of 256 KiB. */
  readonly chunkSize: number;
  readonly clock: Clock;
  /** What is stored, for errors of the body. */
  readonly name: string;
  readonly action: string;
  /** One PUT to the session. */
  readonly send: (request: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array | string;
  }) => Promise<HttpResponse>;
}

/** How often nothing may be gained by going on before the upload has failed. */
const mostFailures = 4;

/** Milliseconds before the first question where to go on; doubled each time. */
const firstPause = 200;

/**
 * Sends a body that is not empty in chunks and gives the last answer. After a cut the service is asked how much has arrived, and the rest
 * of the chunk is sent. Source: Cloud Storage, "Resumable uploads", "Perform resumable uploads".
 */
export async function uploadInChunks(body: Body, upload: ResumableUpload): Promise<HttpResponse> {
  const { action, chunkSize, name, signal } = upload;
  const size = sizeOfBody(body);
  for await (const { offset, bytes } of partsOf(name, body, chunkSize, { signal })) {
    const answer = await uploadChunk(offset, bytes, size, upload);
    if (answer === undefined) continue;
    return answer;
  }
  throw stopped(action, 'has not finished the upload');
}

/** Sends one chunk until the service has all of it; gives the answer when that ends the upload, well or badly. */
async function uploadChunk(
  offset: number,
  bytes: Uint8Array,
  size: number,
  { action, clock, send, signal }: ResumableUpload,
): Promise<HttpResponse | undefined> {
  const end = offset + bytes.byteLength;
  let at = offset;
  let failures = 0;
  /** Whether it has to be asked how much has arrived, before more is sent. */
  let isAsking = false;
  const failed = async (): Promise<void> => {
    isAsking = true;
    failures++;
    await clock.sleep(firstPause * 2 ** (failures - 1), { signal });
  };
  for (;;) {
    let response: HttpResponse;
    try {
      response = isAsking
        ? await send({ headers: { 'content-range': `bytes */${size}` }, body: '' })
        : await send({
            headers: { 'content-range': `bytes ${at}-${end - 1}/${size}` },
            body: bytes.subarray(at - offset),
          });
    } catch (error) {
      signal?.throwIfAborted();
      if (failures >= mostFailures || !hasCode(error, 'storage/unavailable')) throw error;
      await failed();
      continue;
    }
    const { status } = response;
    if (status >= 500 && failures < mostFailures) {
      await response.discard();
      await failed();
      continue;
    }
    if (status === 404 || status === 410) {
      await response.discard();
      throw stopped(action, 'has forgotten the upload');
    }
    if (status !== 308) return response;
    const arrived = arrivedOf(response);
    await response.discard();
    if (arrived < at || arrived > end) throw stopped(action, 'has lost a part of the upload');
    if (arrived === end && end < size) return undefined;
    if (arrived > at) {
      failures = 0;
      isAsking = false;
    } else if (isAsking) isAsking = false;
    else if (failures >= mostFailures) throw stopped(action, 'takes nothing more');
    else await failed();
    at = arrived;
    // All of it has arrived, and the service has not said so yet.
    if (at === size) {
      if (failures >= mostFailures) throw stopped(action, 'does not finish the upload');
      await failed();
    }
  }
}

function stopped(action: string, what: string): AppError {
  return new AppError('storage/unavailable', `Cannot ${action}: the service ${what}`);
}

/** How many bytes the service has, from `Range: bytes=0-LAST`; without the header it has none. */
function arrivedOf(response: HttpResponse): number {
  const last = /^bytes=0-([0-9]+)$/u.exec(response.header('range') ?? '')?.[1];
  return last === undefined ? 0 : Number(last) + 1;
}
