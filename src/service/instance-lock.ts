import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { CallOptions } from '../base/call-options.ts';
import type { Clock } from '../base/clock.ts';
import { AppError, messageOf, systemCodeOf } from '../base/errors.ts';
import { makeDirectoriesSync } from '../base/make-directories.ts';
import { tryLockFile } from '../base/posix/file-lock.ts';
import { posixSupport } from '../base/posix/support.ts';
import { SystemError } from '../base/posix/system-error.ts';
import { identifyProcess, isDead, type ProcessIdentity } from '../base/process-identity.ts';

/** Held until it is disposed of, or the process ends however it ends. */
export type InstanceLock = Disposable;

export interface InstanceLockOptions extends CallOptions {
  /** Where the files of the locks are; made if it is missing. */
  readonly directory: string;
  /** What only one may do: `task:documents`. */
  readonly name: string;
  /** What happens if another one does it: wait for it, at most `timeout`; fail (`job/busy`); leave it (`job/skipped`). */
  readonly mode: 'wait' | 'fail' | 'skip';
  /** Milliseconds; for ever by default. */
  readonly timeout?: number;
  readonly clock: Clock;
}

const lookEvery = 200;

/**
 * Makes sure that this process is the only one on the machine that does something. A lock of the system ends with the process that holds it; where the file
 * system has none, the file itself is the lock, and one whose process is gone (number, boot and start tell) does not count.
 *
 * @throws AppError `job/busy` or `job/skipped`, naming who holds it; `local/unwritable`
 */
export async function acquireInstanceLock(options: InstanceLockOptions): Promise<InstanceLock> {
  const { directory, name, mode, timeout = Infinity, clock, signal } = options;
  const file = path.join(directory, `${fileNameOf(name)}.lock`);
  const deadline = clock.monotonic() + timeout;
  for (;;) {
    signal?.throwIfAborted();
    const lock = attempt(file, clock.now());
    if (lock !== undefined) return lock;
    if (mode !== 'wait' || clock.monotonic() >= deadline) throw busy(name, file, mode);
    await clock.sleep(lookEvery, { signal });
  }
}

interface Holder {
  readonly process: ProcessIdentity;
  /** Milliseconds since 1970. */
  readonly since: number;
}

function attempt(file: string, now: number): InstanceLock | undefined {
  const text = JSON.stringify({ process: identifyProcess(), since: now } satisfies Holder);
  try {
    makeDirectoriesSync(path.dirname(file), { mode: 0o700 });
    return posixSupport().native ? lockBySystem(file, text) : lockByContent(file, text);
  } catch (cause) {
    throw new AppError('local/unwritable', `Cannot lock "${file}": ${messageOf(cause)}`, { cause });
  }
}

function lockBySystem(file: string, text: string): InstanceLock | undefined {
  let lock: ReturnType<typeof tryLockFile>;
  try {
    lock = tryLockFile(file);
  } catch (error) {
    if (error instanceof SystemError) return lockByContent(`${file}.pid`, text);
    throw error;
  }
  if (lock === undefined) return undefined;
  try {
    writeFileSync(file, text);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  return lock;
}

/** For file systems without locks. The file appears with its content; of several that make it, or that take away a stale one, one wins. */
export function lockByContent(file: string, text: string): InstanceLock | undefined {
  const own = `${file}.${identifyProcess().id}`;
  writeFileSync(own, text, { mode: 0o600, flag: 'wx' });
  try {
    if (!placed(own, file)) {
      // Whoever finds a lock stale takes it away under a lock of its own, so that nobody takes away the new one.
      const guard = `${file}.stale`;
      if (!isStale(file) || (isStale(guard) && !removed(guard))) return undefined;
      if (!placed(own, guard)) return undefined;
      try {
        if (isStale(file)) rmSync(file);
        if (!placed(own, file)) return undefined;
      } finally {
        rmSync(guard, { force: true });
      }
    }
  } finally {
    rmSync(own, { force: true });
  }
  let held = true;
  return {
    [Symbol.dispose]() {
      if (held && contentOf(file) === text) rmSync(file, { force: true });
      held = false;
    },
  };
}

function placed(own: string, file: string): boolean {
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function removed(file: string): boolean {
  rmSync(file, { force: true });
  return true;
}

function isStale(file: string): boolean {
  const holder = holderOf(file);
  return holder !== undefined && isDead(holder.process);
}

/** Who holds a lock; `undefined` if nobody does or it is not known. */
function holderOf(file: string): Holder | undefined {
  try {
    const holder = JSON.parse(contentOf(file) ?? '') as Partial<Holder> | null;
    if (typeof holder?.process?.pid !== 'number' || typeof holder.since !== 'number')
      return undefined;
    return holder as Holder;
  } catch {
    return undefined;
  }
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function busy(name: string, file: string, mode: InstanceLockOptions['mode']): AppError {
  const holder = holderOf(file) ?? holderOf(`${file}.pid`);
  const who =
    holder === undefined
      ? 'another process'
      : `process ${holder.process.pid} on "${holder.process.host}", since ${new Date(holder.since).toISOString()}`;
  return mode === 'skip'
    ? new AppError('job/skipped', `"${name}" is being done by ${who}, so nothing was done`)
    : new AppError('job/busy', `"${name}" is being done by ${who}`, {
        hint: 'Wait until it has ended',
      });
}

/** Letters, digits, `.`, `_` and `-` as they are. */
const fileNameOf = (name: string): string =>
  name.replaceAll(/[^\w.-]/gu, (letter) => `%${letter.codePointAt(0)!.toString(16)}`);
