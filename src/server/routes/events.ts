import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';

import type { RunEvent } from '../../service/run-event.ts';
import type { ServerContext } from '../server-context.ts';

/** Proxies end connections that are silent for a minute. */
const HEARTBEAT = 20_000;
/** Whoever reads more slowly than this has to begin anew: it would cost memory without end. */
const MOST_WAITING = 10_000;

/**
 * What happens, as server-sent events (HTML Living Standard, 9.2): `run`, `step`, `progress`, each with one JSON object. Nothing is repeated after a
 * connection was lost: read the runs again.
 */
export function eventRoutes({ feed, clock, closing }: ServerContext): Hono {
  const routes = new Hono();
  routes.get('/', (context) => {
    const job = context.req.query('job');
    return streamSSE(context, async (stream) => {
      const stop = new AbortController();
      stream.onAbort(() => stop.abort());
      const waiting: RunEvent[] = [];
      let wake = (): void => undefined;
      using _subscription = feed.subscribe((event) => {
        if (job !== undefined && jobOf(event) !== job) return;
        // Only the last word on how far a step is counts.
        const last = waiting.at(-1);
        if (last?.type === 'progress' && event.type === 'progress' && last.run === event.run)
          waiting.pop();
        waiting.push(event);
        wake();
      });
      await stream.writeSSE({ event: 'ready', data: '{}', retry: 3000 });
      const signal = AbortSignal.any([stop.signal, ...(closing === undefined ? [] : [closing])]);
      while (!signal.aborted && waiting.length <= MOST_WAITING) {
        const event = waiting.shift();
        if (event !== undefined) {
          await stream.writeSSE({ event: event.type, data: JSON.stringify(event) });
          continue;
        }
        const quiet = await silence(clock, signal, (resolve) => (wake = resolve));
        if (quiet) await stream.write(': still here\n\n');
      }
    });
  });
  return routes;
}

const jobOf = (event: RunEvent): string => (event.type === 'run' ? event.run.job : event.job);

/** Waits for an event; resolves to true if there was none for a while. */
async function silence(
  clock: ServerContext['clock'],
  signal: AbortSignal,
  onWake: (wake: () => void) => void,
): Promise<boolean> {
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const woken = new Promise<boolean>((resolve) => onWake(() => resolve(false)));
  const slept = clock.sleep(HEARTBEAT, { signal: both }).then(
    () => true,
    () => false, // an event has come, or nobody listens any more
  );
  const quiet = await Promise.race([woken, slept]);
  over.abort();
  return quiet;
}
