import { createHash } from 'node:crypto';

import { type Kysely, sql } from 'kysely';
import { fromKysely, PgBoss } from 'pg-boss';

import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import type { Secret } from '../../base/secret.ts';
import type { Statements, WaitingRun, WorkBell } from '../sql-database.ts';
import type { Tables } from '../tables.ts';
import { postgresFailure } from './postgres-errors.ts';

/** Where pg-boss has its tables. */
const bossSchema = 'holdfast_queue';
const queue = 'runs';
const channel = 'holdfast_work';
const highest = 2 ** 31 - 1;
/** How long somebody waits at most who cannot be told, in milliseconds. */
const fallback = 5000;

/**
 * The queue of pg-boss: a job of it for each run that waits or works, made and taken in the same transactions as the run. Workers of all machines are
 * woken by the server. It is started by the first who needs it.
 */
export class BossBell implements WorkBell, AsyncDisposable {
  readonly #url: Secret;
  readonly #location: string;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #started: Promise<PgBoss> | undefined;
  #listening: Promise<{ close(): Promise<void> }> | undefined;
  #rings = 0;

  constructor(url: Secret, location: string, clock: Clock) {
    this.#url = url;
    this.#location = location;
    this.#clock = clock;
  }

  async queued(transaction: Statements, run: WaitingRun): Promise<void> {
    const boss = await this.#boss();
    const db = fromKysely(transaction as Kysely<Tables>);
    const id = jobIdOf(run.id);
    // One that comes back into the queue has a job already, which is at work.
    await boss.deleteJob(queue, id, { db });
    await boss.send(
      queue,
      { run: run.id },
      {
        db,
        id,
        priority: Math.min(run.priority, highest - 1),
        ...(run.notBefore !== undefined && { startAfter: new Date(run.notBefore) }),
      },
    );
    await notify(transaction);
  }

  async taken(transaction: Statements, run: string, how: 'claimed' | 'over'): Promise<void> {
    const boss = await this.#boss();
    const db = fromKysely(transaction as Kysely<Tables>);
    const id = jobIdOf(run);
    if (how === 'over') {
      await boss.deleteJob(queue, id, { db });
      await notify(transaction);
      return;
    }
    // Which run is next is decided by its keys, which pg-boss knows nothing of: lifted above all others, it is what pg-boss hands out.
    await boss.update(queue, undefined, { id, priority: highest, db });
    await boss.fetch(queue, { db, batchSize: 1, minPriority: highest, ignoreStartAfter: true });
  }

  ring(): void {
    this.#rings++;
    for (const wake of this.#waiting) wake();
  }

  async wait(milliseconds: number, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const rings = this.#rings;
    const isListening = await this.#listen();
    if (rings !== this.#rings) return;
    const over = new AbortController();
    const wake = (): void => over.abort();
    this.#waiting.add(wake);
    signal?.addEventListener('abort', wake, { once: true });
    try {
      const longest = isListening ? milliseconds : Math.min(milliseconds, fallback);
      await this.#clock.sleep(longest, { signal: over.signal }).catch((error: unknown) => {
        if (!over.signal.aborted) throw error;
      });
      signal?.throwIfAborted();
    } finally {
      this.#waiting.delete(wake);
      signal?.removeEventListener('abort', wake);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const started = this.#started;
    this.#started = undefined;
    const listening = await this.#listening?.catch(() => undefined);
    this.#listening = undefined;
    await listening?.close();
    const boss = await started?.catch(() => undefined);
    await boss?.stop({ graceful: false, close: true });
    this.ring();
  }

  /** Whether the server tells when there is something to do. */
  async #listen(): Promise<boolean> {
    this.#listening ??= this.#startListening();
    try {
      await this.#listening;
      return true;
    } catch {
      // Whoever waits looks more often then, and is told by that why it does not work.
      this.#listening = undefined;
      return false;
    }
  }

  async #startListening(): Promise<{ close(): Promise<void> }> {
    const boss = await this.#boss();
    const database = boss.getDb();
    if (database.listen === undefined) throw new Error('pg-boss does not listen');
    // It connects again by itself; what came meanwhile may have been missed.
    const ring = (): void => this.ring();
    return await database.listen(channel, ring, ring);
  }

  #boss(): Promise<PgBoss> {
    this.#started ??= this.#start().catch((error: unknown) => {
      this.#started = undefined;
      throw postgresFailure(error, this.#location);
    });
    return this.#started;
  }

  async #start(): Promise<PgBoss> {
    const boss = new PgBoss({
      connectionString: this.#url.reveal(),
      application_name: 'holdfast',
      schema: bossSchema,
      max: 2,
      connectionTimeoutMillis: 15_000,
      // Runs are ended, kept and dropped by the catalog, schedules are its own: no timers, nothing that goes on by itself.
      supervise: false,
      schedule: false,
    });
    // Broken connections, which are made again; whoever needs one now is told by his own call.
    boss.on('error', () => undefined);
    boss.on('warning', () => undefined);
    try {
      await boss.start();
      await boss.createQueue(queue, { retryLimit: 0, retentionSeconds: 365 * 86_400 });
      return boss;
    } catch (error) {
      await boss.stop({ graceful: false, close: true }).catch(() => undefined);
      throw error;
    }
  }
}

/** pg-boss wants UUIDs; this is one of the kind that is free to be made from anything (RFC 9562, version 8). */
export function jobIdOf(run: string): string {
  const hex = createHash('sha256').update(run).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

async function notify(transaction: Statements): Promise<void> {
  await sql`select pg_notify(${channel}, '')`.execute(transaction as Kysely<Tables>);
}
