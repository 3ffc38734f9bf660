import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

import { toHex } from './bytes.ts';
import { systemCodeOf } from './errors.ts';
import { systemRandom } from './random.ts';

/** Enough to know, on the same machine, whether a process is still the one that it was: process numbers are given again. */
export interface ProcessIdentity {
  /** Unique. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Of the running kernel; empty where there is no `/proc`. */
  readonly bootId: string;
  /** In clock ticks since boot, field 22 of `/proc/<pid>/stat` (proc(5)); 0 where there is no `/proc`. */
  readonly startTicks: number;
  /** What tells machines of one name apart: `/etc/machine-id`. */
  readonly machine?: string;
  /** In which process numbers mean something: that of the container. */
  readonly namespace?: string;
}

/** This process, with a new `id` each time. */
export function identifyProcess(): ProcessIdentity {
  const machine = textOf('/etc/machine-id');
  const namespace = namespaceOf();
  return {
    id: toHex(systemRandom(12)),
    host: hostname(),
    pid: process.pid,
    bootId: bootId(),
    startTicks: lookAt(process.pid).startTicks,
    ...(machine !== '' && { machine }),
    ...(namespace !== undefined && { namespace }),
  };
}

/**
 * Whether a process is known to be gone: of this machine, and its number is free, another one's, or from before the last start. `false` for what
 * cannot be known: processes of other machines and of other containers.
 */
export function isDead(identity: ProcessIdentity): boolean {
  const { host, machine, namespace, pid, startTicks } = identity;
  if (host !== hostname()) return false;
  const ownMachine = textOf('/etc/machine-id');
  if (machine !== undefined && machine !== ownMachine) return false;
  const ownBoot = bootId();
  if (identity.bootId !== ownBoot) {
    // Another machine of the same name has another one too: only its own number tells that it was this one.
    return machine !== undefined && identity.bootId !== '' && ownBoot !== '';
  }
  if (namespace !== undefined && namespace !== namespaceOf()) return false;
  const now = lookAt(pid);
  if (!now.isThere) return true;
  return startTicks !== 0 && now.startTicks !== 0 && startTicks !== now.startTicks;
}

function lookAt(pid: number): { readonly isThere: boolean; readonly startTicks: number } {
  const text = textOf(`/proc/${pid}/stat`);
  // The name of the program, in parentheses, may have anything in it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  if (text === '') return { isThere: isRunning(pid), startTicks: 0 };
  // A zombie has ended and only waits for somebody to notice.
  return { isThere: state !== 'Z' && state !== 'X', startTicks: Number(fields[19] ?? 0) };
}

/** For systems without `/proc`, and those that hide the processes of others in it. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) !== 'ESRCH';
  }
}

/** Of the running kernel; empty where there is no `/proc`. */
export function bootId(): string {
  return textOf('/proc/sys/kernel/random/boot_id');
}

function namespaceOf(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

/** What is in a file of the system, without white space around it; empty where there is none. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
