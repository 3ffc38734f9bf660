import { equalBytes } from '../../base/bytes.ts';
import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError, hasCode, isRetryable } from '../../base/errors.ts';
import { systemRandom } from '../../base/random.ts';
import { type Body, sizeOfBody } from '../body.ts';
import { restOfRange } from '../byte-range.ts';
import { collectAll, streamOf } from '../byte-stream.ts';
import type { ByteRange, GetOptions, PutOptions, Storage } from '../storage.ts';
import { forward } from './forward.ts';

export interface RetryingSettings {
  readonly clock: Clock;
  /** How often a call is made altogether. */
  readonly attempts?: number;
  /** Milliseconds before the second attempt; doubled each time, and shortened at random by up to a half. */
  readonly firstDelay?: number;
  /** Milliseconds. */
  readonly longestDelay?: number;
  /** From 0 to 1; the system's by default. */
  readonly random?: () => number;
}

/** Objects up to this size are compared as a whole when it is doubtful who wrote them. */
const largestCompared = 1024 ** 2;

/** Milliseconds; a server that wants more than that may as well be gone. */
const longestAsked = 5 * 60_000;

type Step<Result> = (attempt: number) => Promise<Result>;

/**
 * Makes a call again when it failed in a way that may pass. A stream that breaks off goes on where it was, a listing that breaks off
 * begins anew without repeating what it has given.
 */
export function retrying(inner: Storage, settings: RetryingSettings): Storage {
  const {
    clock,
    attempts = 5,
    firstDelay = 500,
    longestDelay = 30_000,
    random = fraction,
  } = settings;

  /** Waits before attempt `attempt + 1`, or throws `error` if there is none. */
  async function pause(error: unknown, attempt: number, { signal }: CallOptions): Promise<void> {
    signal?.throwIfAborted();
    if (attempt >= attempts || !isRetryable(error)) throw error;
    const delay = Math.min(firstDelay * 2 ** (attempt - 1), longestDelay);
    // A server that says when it wants to be asked again is not asked before.
    const asked = Math.min(retryAfterOf(error), longestAsked);
    await clock.sleep(Math.max(delay * (1 - random() / 2), asked), { signal });
  }

  async function again<Result>(call: Step<Result>, options: CallOptions = {}): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call(attempt);
      } catch (error) {
        await pause(error, attempt, options);
      }
    }
  }

  async function put(name: string, body: Body, options: PutOptions = {}): Promise<void> {
    await again(async (attempt) => {
      try {
        await inner.put(name, body, options);
      } catch (error) {
        // The attempt before may have stored the object and lost only the answer.
        const doubtful = attempt > 1 && hasCode(error, 'storage/already-exists');
        if (!doubtful || !(await isStored(inner, name, body, options))) throw error;
      }
    }, options);
  }

  async function get(name: string, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const open = (range: ByteRange | undefined): Promise<ReadableStreamDefaultReader<Uint8Array>> =>
      again(
        async () => (await inner.get(name, { ...options, ...(range && { range }) })).getReader(),
        options,
      );
    let reader = await open(options.range);
    let delivered = 0;
    let failures = 0;
    let over = false;
    return streamOf(
      {
        async next() {
          for (;;) {
            try {
              const { done, value } = await reader.read();
              over = done;
              delivered += value?.byteLength ?? 0;
              failures = 0;
              return value;
            } catch (error) {
              failures++;
              await pause(error, failures, options);
              const rest = restOfRange(options.range, delivered);
              if (rest === undefined) return undefined;
              reader = await open(rest);
            }
          }
        },
        // A stream that has failed is over as well: cancelling it rejects with the error that is on its way anyhow.
        close: async (reason) => (over ? undefined : reader.cancel(reason).catch(() => undefined)),
      },
      options,
    );
  }

  return {
    ...forward(inner),
    put,
    get,
    read: (name, options) => again(() => inner.read(name, options), options),
    stat: (name, options) => again(() => inner.stat(name, options), options),
    delete: (name, options) => again(() => inner.delete(name, options), options),
    async *list(prefix, options = {}) {
      const seen = new Set<string>();
      let failures = 0;
      for (;;) {
        try {
          for await (const object of inner.list(prefix, options)) {
            if (seen.has(object.name)) continue;
            seen.add(object.name);
            failures = 0;
            yield object;
          }
          return;
        } catch (error) {
          failures++;
          await pause(error, failures, options);
        }
      }
    },
  };
}

/** Whether the object that is there is the one that was to be stored: small ones are compared, of large ones the size. */
async function isStored(
  inner: Storage,
  name: string,
  body: Body,
  { signal }: CallOptions,
): Promise<boolean> {
  const { size } = await inner.stat(name, { signal });
  if (size !== sizeOfBody(body)) return false;
  if (size > largestCompared) return true;
  const wanted = body instanceof Uint8Array ? body : await collectAll(body.stream());
  return equalBytes(await inner.read(name, { signal }), wanted);
}

/** Milliseconds that the storage asked for (`details.retryAfter`). */
function retryAfterOf(error: unknown): number {
  const asked = error instanceof AppError ? error.details['retryAfter'] : undefined;
  return typeof asked === 'number' ? asked : 0;
}

function fraction(): number {
  const [byte = 0] = systemRandom(1);
  return byte / 255;
}
