import { systemRandom } from '../../base/random.ts';
import type { CallOptions } from '../../base/call-options.ts';
import { messageOf } from '../../base/errors.ts';

/** What is pinged for one command. Addresses are secret: who knows one can ping it. */
export interface PingTargets {
  readonly healthchecksUrl?: string | undefined;
  readonly uptimeKumaUrl?: string | undefined;
}

export interface PingEnd {
  readonly succeeded: boolean;
  /** One line. */
  readonly message: string;
  /** Milliseconds. */
  readonly duration: number;
}

/** Milliseconds for a ping. */
const PATIENCE = 5000;

/**
 * Tells services that watch over jobs how one command of a run fares. What goes wrong is a sentence to be noted, never an error: a backup that was made is
 * not bad because nobody heard of it.
 *
 * Healthchecks: GET of the address with `/start`, then of the address itself or with `/fail`, all with the same random `rid`. Uptime Kuma: GET with
 * `status=up|down`, `msg` and `ping` in place of any query.
 */
export class Pings {
  readonly #targets: PingTargets;
  /** A UUID (RFC 9562), as the service wants it. */
  readonly #id = randomUuid();

  constructor(targets: PingTargets) {
    this.#targets = targets;
  }

  async start(options: CallOptions = {}): Promise<readonly string[]> {
    const { healthchecksUrl } = this.#targets;
    if (healthchecksUrl === undefined) return [];
    return await ping('Healthchecks', () => this.#healthchecks(healthchecksUrl, '/start'), options);
  }

  async end(end: PingEnd, options: CallOptions = {}): Promise<readonly string[]> {
    const { healthchecksUrl, uptimeKumaUrl } = this.#targets;
    const notes: string[] = [];
    if (healthchecksUrl !== undefined) {
      const url = (): URL => this.#healthchecks(healthchecksUrl, end.succeeded ? '' : '/fail');
      notes.push(...(await ping('Healthchecks', url, options)));
    }
    if (uptimeKumaUrl !== undefined) {
      notes.push(...(await ping('Uptime Kuma', () => uptimeKuma(uptimeKumaUrl, end), options)));
    }
    return notes;
  }

  #healthchecks(address: string, end: string): URL {
    const url = new URL(address);
    url.pathname = url.pathname.replace(/\/+$/u, '') + end;
    url.searchParams.set('rid', this.#id);
    return url;
  }
}

function uptimeKuma(address: string, { succeeded, message, duration }: PingEnd): URL {
  const url = new URL(address);
  url.search = new URLSearchParams({
    status: succeeded ? 'up' : 'down',
    msg: message.slice(0, 250),
    ping: String(Math.round(duration)),
  }).toString();
  return url;
}

async function ping(
  service: string,
  address: () => URL,
  { signal }: CallOptions,
): Promise<readonly string[]> {
  let host = '';
  const limit = AbortSignal.timeout(PATIENCE);
  try {
    const url = address();
    host = ` at ${url.host}`;
    const answer = await fetch(url, {
      redirect: 'follow',
      headers: { 'user-agent': 'Holdfast' },
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    await answer.body?.cancel();
    if (answer.ok) return [];
    return [`Cannot ping ${service}${host}: it answered with status ${answer.status}`];
  } catch (error) {
    if (host === '') return [`Cannot ping ${service}: its address is not a URL`];
    const { cause } = error as { readonly cause?: unknown };
    const reason = limit.aborted
      ? 'there was no answer in 5 s'
      : signal?.aborted === true
        ? 'the run was cancelled'
        : messageOf(cause ?? error);
    return [`Cannot ping ${service}${host}: ${reason}`];
  }
}

function randomUuid(): string {
  const bytes = Buffer.from(systemRandom(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, '$1-$2-$3-$4-$5');
}
