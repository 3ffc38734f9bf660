import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { toHex } from '../../../base/bytes.ts';
import { messageOf } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import type { Catalog, JournalEntry } from '../../../catalog/catalog.ts';
import type { ServiceLog } from '../../log.ts';
import type { StepContext } from '../step-context.ts';

/** The kind of journal entries for directories that a drill restores into. */
export const SANDBOX_ENTRY = 'drill-sandbox';

/** A directory for practice, which goes with all that is in it; after a crash the next start removes it. */
export interface Sandbox extends AsyncDisposable {
  readonly path: string;
}

const NAME = /^holdfast-drill-[0-9a-f]{8}-[A-Za-z0-9]{6}$/u;

/** Makes a sandbox that only its owner can read. */
export async function makeSandbox(
  { catalog, run, worker, log }: Pick<StepContext, 'catalog' | 'run' | 'worker' | 'log'>,
  parent: string | undefined,
): Promise<Sandbox> {
  const directory = path.resolve(parent ?? tmpdir());
  // First what it will begin with, so that there is never one that nobody knows of.
  const prefix = `holdfast-drill-${toHex(systemRandom(4))}-`;
  const entry = await catalog.journal.add({
    kind: SANDBOX_ENTRY,
    run: run.id,
    host: worker.host,
    data: { directory, prefix },
  });
  const made = await mkdtemp(path.join(directory, prefix)).catch(async (error: unknown) => {
    await catalog.journal.remove(entry);
    throw error;
  });
  return {
    path: made,
    async [Symbol.asyncDispose]() {
      try {
        await remove(made);
        await catalog.journal.remove(entry);
      } catch (error) {
        // It stays in the journal.
        log.error(`Cannot remove the sandbox "${made}": ${messageOf(error)}`, { run: run.id });
      }
    },
  };
}

/** Removes what a journal entry says, after the drill that made it died. */
export async function removeSandbox(
  { catalog, log }: { readonly catalog: Pick<Catalog, 'journal'>; readonly log: ServiceLog },
  { id, run, data }: JournalEntry,
): Promise<void> {
  const directory = String(data['directory']);
  const prefix = String(data['prefix']);
  try {
    const names = await readdir(directory).catch(() => []);
    for (const name of names) {
      if (name.startsWith(prefix) && NAME.test(name)) await remove(path.join(directory, name));
    }
    await catalog.journal.remove(id);
  } catch (error) {
    log.error(`Cannot remove a sandbox in "${directory}": ${messageOf(error)}`, { run });
  }
}

/** Directories that were restored without the right to write are removed, too. */
async function remove(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true });
  } catch {
    for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) await chmod(path.join(entry.parentPath, entry.name), 0o700);
    }
    await rm(directory, { recursive: true, force: true });
  }
}
