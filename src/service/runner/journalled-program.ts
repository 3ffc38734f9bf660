import { readFile } from 'node:fs/promises';

import { messageOf } from '../../base/errors.ts';
import type { StepContext } from './step-context.ts';

/** The kind of journal entries for programs of others that a run has started, so that they do not outlive it unseen. */
export const PROGRAM_ENTRY = 'program';

/**
 * Notes a program in the journal as long as it is not disposed of. While the catalog cannot be reached it goes on without: hooks that put things right must
 * not wait for that.
 */
export function journalledProgram({
  catalog,
  run,
  worker,
  log,
}: Pick<StepContext, 'catalog' | 'run' | 'worker' | 'log'>): AsyncDisposable & {
  started(pid: number): Promise<void>;
} {
  let entry: string | undefined;
  const tolerant = async (act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      log.warn(`Cannot note a program in the journal: ${messageOf(error)}`, { run: run.id });
    }
  };
  return {
    async started(pid) {
      const startTicks = await startTicksOf(pid);
      if (startTicks === undefined) return; // it has ended already
      await tolerant(async () => {
        entry = await catalog.journal.add({
          kind: PROGRAM_ENTRY,
          run: run.id,
          host: worker.host,
          // An identity as that of the worker: it is the leader of its process group.
          data: { ...worker, pid, startTicks },
        });
      });
    },
    async [Symbol.asyncDispose]() {
      const noted = entry;
      if (noted !== undefined) await tolerant(() => catalog.journal.remove(noted));
    },
  };
}

/** When a process was started, in clock ticks since boot; `undefined` if it is not there. (`/proc/PID/stat`, field 22.) */
export async function startTicksOf(pid: number): Promise<number | undefined> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // gone, or a system without /proc
  }
  // The name of the program is in parentheses and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : Number(fields[19]);
}
