import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import { hasCode, messageOf } from '../../base/errors.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { Catalog, OutboxItem } from '../../catalog/catalog.ts';
import type { ChannelSettings } from '../../model/channel.ts';
import type { ChannelContext } from '../../notify/channel.ts';
import { showsState } from '../../notify/channel-type.ts';
import type { ServiceLog } from '../log.ts';
import { ChannelPool } from './channel-pool.ts';
import { retryDelay } from './retry-delay.ts';

export interface OutboxSenderContext {
  readonly catalog: Pick<Catalog, 'outbox' | 'configuration' | 'queue'>;
  /** Unique for this instance: what it has claimed nobody else sends. */
  readonly worker: string;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: ServiceLog;
  readonly channels: ChannelContext;
}

/** How many items are claimed at once. */
const portion = 100;
/** How many at most wait in memory; the rest waits in the catalog. */
const mostUnderway = 2000;
/** A claim holds for two minutes. What was not begun by then belongs to whoever claims it next. */
const holds = 100_000;
/** After so many failures in a row the others of a channel are put off untried: it is down. */
const enough = 2;
/** How long what was given up is kept to be seen. */
const keptFor = 30 * 24 * 3_600_000;
const day = 24 * 3_600_000;
const minute = 60_000;

interface Batch {
  readonly channel: string;
  readonly settings: ChannelSettings | undefined;
  readonly claimedAt: number;
  readonly single: readonly OutboxItem[];
  readonly digest: readonly OutboxItem[];
}

/**
 * Sends what lies in the outbox. Each channel has its own line, so that one that is slow or down delays no other. What fails is tried again for about three days, then
 * given up and kept to be seen. A report may be sent twice if the program dies in between, with the same id; it is never lost.
 */
export class OutboxSender implements AsyncDisposable {
  readonly #context: OutboxSenderContext;
  readonly #pool: ChannelPool;
  readonly #lines = new Map<string, Promise<void>>();
  readonly #end = new AbortController();
  /** Channels of which nothing waits for another try, as far as was seen at these times. */
  readonly #clean = new Map<string, number>();
  #underway = 0;
  #tidiedAt = Number.NEGATIVE_INFINITY;

  constructor(context: OutboxSenderContext) {
    this.#context = context;
    this.#pool = new ChannelPool(context.channels);
  }

  /** Works until the signal aborts. Trouble with the catalog is logged, and over when it is over. */
  async run({ signal }: CallOptions): Promise<void> {
    const { catalog, clock, log } = this.#context;
    const isOver = (): boolean => signal?.aborted === true || this.#end.signal.aborted;
    while (!isOver()) {
      try {
        await this.#dispatch({ signal });
        await this.#tidy({ signal });
        await catalog.queue.waitForWork(15_000, { signal });
      } catch (error) {
        if (isOver()) return;
        log.error(`The outbox cannot be read: ${messageOf(error)}`);
        await clock.sleep(15_000, { signal }).catch(() => undefined);
      }
    }
  }

  /** Tries everything that is due once; resolves when that is done. */
  async sendDue(options: CallOptions = {}): Promise<void> {
    await this.#dispatch(options);
    await Promise.all(this.#lines.values());
  }

  /** Ends what is under way: it is sent again by whoever comes next. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new Error('The service ends'));
    await Promise.all(this.#lines.values());
    await this.#pool[Symbol.asyncDispose]();
  }

  async #dispatch(options: CallOptions): Promise<void> {
    const { catalog, clock, worker } = this.#context;
    const items: OutboxItem[] = [];
    const now = clock.now();
    while (this.#underway + items.length < mostUnderway) {
      const claimed = await catalog.outbox.claim(worker, now, portion, options);
      items.push(...claimed);
      if (claimed.length < portion) break;
    }
    if (items.length === 0) return;
    const channels = await catalog.configuration.channels.list(options);
    for (const [channel, own] of Map.groupBy(items, (item) => item.channel)) {
      const batch = {
        channel,
        settings: channels.get(channel)?.value,
        claimedAt: now,
        single: own.filter(({ report }) => report.digest !== true),
        digest: own.filter(({ report }) => report.digest === true),
      };
      this.#underway += own.length;
      const line = (this.#lines.get(channel) ?? Promise.resolve())
        .then(() => this.#sendBatch(batch))
        .catch((error: unknown) => {
          // The catalog: what was claimed comes up again when the claim runs out.
          if (!this.#end.signal.aborted)
            this.#context.log.error(`Cannot note what was told: ${messageOf(error)}`, { channel });
        })
        .finally(() => {
          this.#underway -= own.length;
          if (this.#lines.get(channel) === line) this.#lines.delete(channel);
        });
      this.#lines.set(channel, line);
    }
  }

  async #sendBatch({ channel, settings, claimedAt, single, digest }: Batch): Promise<void> {
    const { catalog, clock } = this.#context;
    const isOurs = (): boolean =>
      !this.#end.signal.aborted && clock.now() - claimedAt < holds && clock.now() >= claimedAt;
    if (settings !== undefined && showsState(settings)) await this.#dropOutdated(channel, single);
    let failures = 0;
    let problem: unknown;
    for (const item of single) {
      if (!isOurs()) return;
      if (failures >= enough) {
        await this.#putOff(item, problem);
        continue;
      }
      try {
        await this.#send(channel, settings, [item]);
        failures = 0;
        await catalog.outbox.sent(item.id);
      } catch (error) {
        if (this.#end.signal.aborted) return;
        failures++;
        problem = error;
        await this.#putOff(item, error);
      }
    }
    if (digest.length === 0 || !isOurs()) return;
    try {
      await this.#send(channel, settings, digest);
      for (const { id } of digest) await catalog.outbox.sent(id);
    } catch (error) {
      if (this.#end.signal.aborted) return;
      for (const item of digest) await this.#putOff(item, error);
    }
  }

  async #send(
    name: string,
    settings: ChannelSettings | undefined,
    items: readonly OutboxItem[],
  ): Promise<void> {
    const { log } = this.#context;
    const options = { signal: this.#end.signal };
    const [first] = items;
    if (first === undefined) return;
    try {
      const channel = await this.#pool.get(name, settings, options);
      const reports = items.map(({ report }) => report);
      const said =
        first.report.digest === true && channel.sendDigest !== undefined
          ? await channel.sendDigest(reports, options)
          : await sendEach(reports, (report) => channel.send(report, options));
      log.info('Told', { channel: name, report: first.report.id, reports: items.length, said });
    } catch (error) {
      // A secret may be another one next time; but who has a report already must not get it again.
      const isPartial = hasCode(error) && error.details['partial'] === true;
      if (!hasCode(error, 'notify/failed') && !isPartial) await this.#pool.close(name);
      throw error;
    }
  }

  /** Notes a failure and when it is tried again, or that it is given up. */
  async #putOff({ id, channel, attempts, report }: OutboxItem, error: unknown): Promise<void> {
    const { catalog, clock, random, log } = this.#context;
    this.#clean.delete(channel);
    const text = messageOf(error);
    const fields = { channel, report: report.id };
    // A beginning that is told late would look like another one.
    if (report.event === 'started') {
      log.warn(`${text}; nobody is told of the start`, fields);
      return await catalog.outbox.sent(id);
    }
    const delay = retryDelay(error, attempts + 1, random);
    if (delay === undefined) {
      log.error(`${text}; given up`, fields);
      return await catalog.outbox.giveUp(id, text);
    }
    log.warn(text, { ...fields, attempt: attempts + 1 });
    await catalog.outbox.failed(id, text, clock.now() + delay);
  }

  /** What still waits for another try has been overtaken by what comes now. */
  async #dropOutdated(channel: string, items: readonly OutboxItem[]): Promise<void> {
    const { catalog, clock } = this.#context;
    // Looking through everything for each ping would be dear where there are thousands of jobs.
    const cleanAt = this.#clean.get(channel);
    if (cleanAt !== undefined && Math.abs(clock.now() - cleanAt) < minute) return;
    const newest = new Map(items.map(({ report, addedAt }) => [report.job, addedAt]));
    const here = new Set(items.map(({ id }) => id));
    let waiting = 0;
    for (const item of await catalog.outbox.list()) {
      if (item.channel !== channel || item.givenUp || here.has(item.id) || item.attempts === 0)
        continue;
      const at = newest.get(item.report.job);
      if (at !== undefined && item.addedAt < at) await catalog.outbox.sent(item.id);
      else waiting++;
    }
    if (waiting === 0) this.#clean.set(channel, clock.now());
  }

  /** Once a day: what was given up long ago goes. */
  async #tidy(options: CallOptions): Promise<void> {
    const { catalog, clock } = this.#context;
    const now = clock.now();
    if (now - this.#tidiedAt < day) return;
    this.#tidiedAt = now;
    for (const item of await catalog.outbox.list(options))
      if (item.givenUp && now - item.addedAt > keptFor) await catalog.outbox.sent(item.id, options);
  }
}

async function sendEach<Report>(
  reports: readonly Report[],
  send: (report: Report) => Promise<string>,
): Promise<string> {
  let said = '';
  for (const report of reports) said = await send(report);
  return said;
}
