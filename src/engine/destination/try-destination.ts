import { equalBytes, toHex } from '../../base/bytes.ts';
import { AppError, hasCode, messageOf } from '../../base/errors.ts';
import { eachPool } from '../../base/pool.ts';
import type { RandomBytes } from '../../base/random.ts';
import { formatRate, formatSize } from '../../base/size.ts';
import type { Storage } from '../../storage/storage.ts';
import type { OperationContext } from '../operation.ts';
import { failureReason } from './failure-reason.ts';
import type { Trial } from './trial.ts';

export interface TryDestinationOptions {
  /** Bytes of the object that is sent and fetched to measure the transfer. */
  readonly transferSize: number;
  readonly random: RandomBytes;
  /** Told as it happens. */
  readonly tell: (trial: Trial) => void;
}

/** How a trial went, without what `attempt` knows itself. */
type Finding = Pick<Trial, 'seen' | 'advice'> & { readonly weak?: boolean };

const small = 1024;
/** How many objects are written at once to see whether it helps. */
const parallelObjects = 24;
/** Milliseconds. */
const clockTolerance = 60_000;
const listingPatience = 30_000;

/**
 * Tries what the engine needs of a storage, with objects of its own with names that nobody else has, and removes them at the end, also after a
 * failure or an abort. Resolves with all trials; it rejects only with `signal.reason`. When writing fails nothing more is tried.
 */
export async function tryDestination(
  storage: Storage,
  options: TryDestinationOptions,
  context: OperationContext,
): Promise<readonly Trial[]> {
  const run = new TrialRun(storage, options, context);
  try {
    await run.all();
  } finally {
    await run.cleanUp();
  }
  return run.trials;
}

class TrialRun {
  readonly trials: Trial[] = [];
  readonly #storage: Storage;
  readonly #options: TryDestinationOptions;
  readonly #context: OperationContext;
  readonly #prefix: string;
  readonly #written = new Set<string>();

  constructor(storage: Storage, options: TryDestinationOptions, context: OperationContext) {
    this.#storage = storage;
    this.#options = options;
    this.#context = context;
    this.#prefix = `holdfast-test-${toHex(options.random(8))}-`;
  }

  async all(): Promise<void> {
    if (!(await this.#attempt('Reach and list', () => this.#list()))) return;
    if (!(await this.#attempt('Write', () => this.#write()))) return;
    await this.#attempt('Read', () => this.#read());
    await this.#attempt('Read a part', () => this.#readPart());
    await this.#attempt('Find in the listing', () => this.#find());
    await this.#attempt('Odd names', () => this.#oddName());
    await this.#attempt('Replace', () => this.#replace());
    await this.#attempt('Refuse to replace', () => this.#refuse());
    await this.#attempt('One winner', () => this.#race());
    await this.#attempt('Miss what is not there', () => this.#miss());
    await this.#attempt('Latency', () => this.#latency());
    await this.#attempt('In parallel', () => this.#parallel());
    await this.#attempt('Transfer', () => this.#transfer());
    await this.#attempt('Clock', () => this.#clockDifference());
    await this.#attempt('Delete', () => this.#delete());
  }

  /** Removes what is left; a failure is a trial of its own. */
  async cleanUp(): Promise<void> {
    if (this.#written.size === 0) return;
    const failed: unknown[] = [];
    // Also after an abort: what was written for a test must go.
    for (const name of this.#written) {
      await this.#storage.delete(name).catch((error: unknown) => failed.push(error));
    }
    if (failed.length === 0) return;
    this.#add({
      name: 'Clean up',
      outcome: 'failed',
      seen: messageOf(failed[0]),
      duration: 0,
      advice: `Delete "${this.#prefix}…" there by hand`,
    });
  }

  async #attempt(name: string, work: () => Promise<Finding>): Promise<boolean> {
    const { signal, clock } = this.#context;
    signal.throwIfAborted();
    const begun = clock.monotonic();
    try {
      const { weak = false, ...finding } = await work();
      const duration = clock.monotonic() - begun;
      this.#add({ name, outcome: weak ? 'weak' : 'good', duration, ...finding });
      return true;
    } catch (error) {
      signal.throwIfAborted();
      const hint = error instanceof AppError ? error.hint : undefined;
      this.#add({
        name,
        outcome: 'failed',
        seen: failureReason(error),
        duration: clock.monotonic() - begun,
        ...(hint !== undefined && { advice: hint }),
      });
      return false;
    }
  }

  #add(trial: Trial): void {
    this.trials.push(trial);
    this.#options.tell(trial);
  }

  async #put(name: string, bytes: Uint8Array, ifAbsent = false): Promise<string> {
    const full = this.#prefix + name;
    const isNew = !this.#written.has(full);
    this.#written.add(full);
    try {
      await this.#storage.put(full, bytes, { signal: this.#context.signal, ifAbsent });
    } catch (error) {
      // Nothing came to be, so nobody has to delete it, who might not be allowed to either.
      if (isNew && hasCode(error, 'storage/access-denied')) this.#written.delete(full);
      throw error;
    }
    return full;
  }

  async #get(name: string, length: number): Promise<Uint8Array> {
    return this.#storage.read(this.#prefix + name, {
      signal: this.#context.signal,
      range: { offset: 0, length },
    });
  }

  #sample(length: number): Uint8Array {
    return this.#options.random(length);
  }

  async #list(): Promise<Finding> {
    let count = 0;
    try {
      for await (const _ of this.#storage.list('', { signal: this.#context.signal })) {
        count++;
        if (count === 1000) break;
      }
    } catch (error) {
      if (!hasCode(error, 'storage/not-found')) throw error;
      return { seen: 'Nothing there yet' };
    }
    return {
      seen: count === 0 ? 'Empty' : `${count === 1000 ? 'More than 999' : count} objects there`,
    };
  }

  async #write(): Promise<Finding> {
    await this.#put('one', this.#sample(small));
    return { seen: formatSize(small) };
  }

  async #read(): Promise<Finding> {
    const bytes = this.#sample(small);
    await this.#put('one', bytes);
    await this.#expect('one', bytes);
    return { seen: 'The same bytes' };
  }

  async #readPart(): Promise<Finding> {
    const { signal } = this.#context;
    const bytes = this.#sample(100_000);
    const name = await this.#put('part', bytes);
    const middle = await this.#storage.read(name, {
      signal,
      range: { offset: 40_000, length: 1000 },
    });
    const end = await this.#storage.read(name, { signal, range: { offset: -500 } });
    if (equalBytes(middle, bytes.subarray(40_000, 41_000)) && equalBytes(end, bytes.subarray(-500)))
      return { seen: 'From the middle and from the end' };
    throw wrong('A part of an object came back as something else');
  }

  async #find(): Promise<Finding> {
    const { clock, signal } = this.#context;
    const name = await this.#put('listed', this.#sample(777));
    const begun = clock.monotonic();
    for (;;) {
      const waited = clock.monotonic() - begun;
      for await (const object of this.#storage.list(this.#prefix, { signal })) {
        if (object.name !== name) continue;
        if (object.size !== 777)
          throw wrong(`The listing says ${object.size} bytes instead of 777`);
        const lag = this.#storage.capabilities.listingLag;
        if (lag === 0) return { seen: 'At once' };
        return {
          weak: true,
          seen: `After ${seconds(waited)}; ${lag === undefined ? 'no bound is promised' : `at most ${lag} s are promised`}`,
          advice:
            lag === undefined
              ? 'Listings may be old here: let only one machine prune, with "holdfast prune --alone"'
              : 'Every backup waits so long at its end',
        };
      }
      if (waited > listingPatience)
        throw wrong(`An object is not listed ${seconds(waited)} after it was written`);
      await clock.sleep(500, { signal });
    }
  }

  async #oddName(): Promise<Finding> {
    const bytes = this.#sample(10);
    const name = await this.#put('with space, grüße, 日本 & #1?', bytes);
    await this.#expect(name.slice(this.#prefix.length), bytes);
    for await (const object of this.#storage.list(this.#prefix, { signal: this.#context.signal }))
      if (object.name === name) return { seen: 'Kept' };
    throw wrong('A name with spaces and foreign letters comes back as another one');
  }

  async #replace(): Promise<Finding> {
    const bytes = this.#sample(2 * small);
    await this.#put('one', bytes);
    await this.#expect('one', bytes);
    return this.#storage.capabilities.atomicReplace
      ? { seen: 'At one stroke' }
      : { weak: true, seen: 'Not at one stroke: readers may see a gap' };
  }

  async #refuse(): Promise<Finding> {
    const before = this.#sample(small);
    await this.#put('kept', before);
    const refused = await this.#put('kept', this.#sample(small), true).then(
      () => false,
      (error: unknown) => {
        if (hasCode(error, 'storage/already-exists')) return true;
        throw error;
      },
    );
    if (!refused) throw wrong('An object was replaced that should have been kept');
    await this.#expect('kept', before);
    return { seen: 'What is there stays' };
  }

  async #race(): Promise<Finding> {
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => this.#put('race', this.#sample(small), true)),
    );
    const winners = results.filter(({ status }) => status === 'fulfilled').length;
    const claimed = this.#storage.capabilities.conditionalPut;
    if (winners === 1)
      return claimed
        ? { seen: 'The storage decides' }
        : { weak: true, seen: 'One won; the storage promises nothing' };
    const seen = `${winners} of 8 believe they were first`;
    if (winners === 0 || claimed) throw wrong(seen);
    return {
      weak: true,
      seen,
      advice: 'Do not set up a repository from two machines at the same moment here',
    };
  }

  async #miss(): Promise<Finding> {
    try {
      await this.#get('never written', 1);
    } catch (error) {
      if (hasCode(error, 'storage/not-found')) return { seen: 'Said clearly' };
      throw error;
    }
    throw wrong('An object that was never written could be read');
  }

  async #latency(): Promise<Finding> {
    const { clock, signal } = this.#context;
    const times: number[] = [];
    for (let index = 0; index < 9; index++) {
      const begun = clock.monotonic();
      await this.#storage.stat(`${this.#prefix}one`, { signal });
      times.push(clock.monotonic() - begun);
    }
    const median = times.toSorted((left, right) => left - right)[4] ?? 0;
    return {
      seen: `${median.toFixed(median < 10 ? 1 : 0)} ms a call`,
      ...(median > 150 && {
        weak: true,
        advice: 'A long way: more calls at once help, with the option "connections"',
      }),
    };
  }

  async #parallel(): Promise<Finding> {
    const { clock, signal } = this.#context;
    const names = Array.from({ length: parallelObjects }, (_, index) => `parallel-${index}`);
    const bytes = this.#sample(4 * small);
    const begun = clock.monotonic();
    await eachPool(names, parallelObjects, async (name) => void (await this.#put(name, bytes)), {
      signal,
    });
    const rate = parallelObjects / Math.max((clock.monotonic() - begun) / 1000, 0.001);
    for (const name of names) await this.#expect(name, bytes);
    return {
      seen: `${rate.toFixed(0)} small objects a second, ${this.#storage.capabilities.concurrency} at once`,
    };
  }

  async #transfer(): Promise<Finding> {
    const { clock } = this.#context;
    const { transferSize } = this.#options;
    const bytes = this.#sample(transferSize);
    const begun = clock.monotonic();
    await this.#put('large', bytes);
    const sent = clock.monotonic();
    await this.#expect('large', bytes);
    const up = transferSize / Math.max((sent - begun) / 1000, 0.001);
    const down = transferSize / Math.max((clock.monotonic() - sent) / 1000, 0.001);
    const hours = (100 * 1024 ** 3) / up / 3600;
    return {
      seen: `${formatRate(up)} up, ${formatRate(down)} down (${formatSize(transferSize)}, one object)`,
      ...(hours > 6 && {
        weak: true,
        advice: `100 GiB take ${hours < 48 ? `${hours.toFixed(0)} hours` : `${(hours / 24).toFixed(0)} days`} at this speed`,
      }),
    };
  }

  async #clockDifference(): Promise<Finding> {
    const { clock, signal } = this.#context;
    if (!this.#storage.capabilities.modifiedTimes) return { seen: 'The storage tells no times' };
    const before = clock.now();
    const name = await this.#put('clock', this.#sample(1));
    const after = clock.now();
    const { modified } = await this.#storage.stat(name, { signal });
    if (modified === undefined) throw wrong('The storage tells no time though it should');
    // Many storages keep whole seconds.
    const difference = modified < before - 1000 ? modified - before : Math.max(0, modified - after);
    if (Math.abs(difference) < clockTolerance)
      return { seen: Math.abs(difference) < 1000 ? 'The same' : `${seconds(difference)} apart` };
    return {
      weak: true,
      seen: `${seconds(Math.abs(difference))} ${difference < 0 ? 'behind' : 'ahead'} of this machine`,
      advice: 'Set both clocks by the network: ages of backups are judged by them',
    };
  }

  async #delete(): Promise<Finding> {
    const { signal } = this.#context;
    for (const name of this.#written) {
      await this.#storage.delete(name, { signal });
      this.#written.delete(name);
    }
    try {
      await this.#get('one', 1);
    } catch (error) {
      if (hasCode(error, 'storage/not-found')) return { seen: 'Gone' };
      throw error;
    }
    throw wrong('An object is still there after it was deleted');
  }

  async #expect(name: string, bytes: Uint8Array): Promise<void> {
    if (equalBytes(await this.#get(name, bytes.byteLength), bytes)) return;
    throw wrong(`"${name}" came back as other bytes`);
  }
}

function wrong(message: string): AppError {
  return new AppError('storage/unavailable', message, {
    hint: 'This storage does not do what backups need: choose another one',
  });
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(Math.abs(milliseconds) < 10_000 ? 1 : 0)} s`;
}
