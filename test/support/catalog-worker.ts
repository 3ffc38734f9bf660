/** A process that works on a catalog as the service does, until it is killed. Tells on standard output, a line each, what it was told was done. */
import { writeSync } from 'node:fs';

import { systemClock } from '../../src/base/clock.ts';
import { CatalogKey } from '../../src/catalog/catalog-key.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import type { OpenedCatalog } from '../../src/catalog/opened-catalog.ts';
import { Secret } from '../../src/base/secret.ts';
import { identifyProcess } from '../../src/base/process-identity.ts';
import { sampleEnd, sampleEntry, sampleRun } from './catalog-samples.ts';

/** Where, with which key, what, and for whom. */
const [address = '', key = '', task = '', entry = ''] = process.argv.slice(2);

const tell = (...words: readonly (string | number)[]): void => {
  // At once: what is in a buffer is gone when the process is killed.
  writeSync(1, `${words.join(' ')}\n`);
};

await using catalog = await openCatalog({
  location: address.includes('://') ? { url: new Secret(address) } : { file: address },
  key: new CatalogKey(key),
  clock: systemClock,
});
const self = identifyProcess();
tell('ready');
if (task === 'claim') await claimAll(catalog);
else await work(catalog);

/** Tries to claim each entry that there is, as any other instance does. */
async function claimAll({ schedules }: OpenedCatalog): Promise<void> {
  for (const state of (await schedules.list()).values()) {
    const to = { ...state, consideredUntil: state.consideredUntil + 1 };
    const run = sampleRun(state.entry, { scheduledFor: to.consideredUntil });
    const id = await schedules.claim(state, to, run);
    if (id !== undefined) tell('claimed', state.entry, id);
  }
}

/** Moves one entry on and on, and runs what it queues. */
async function work({ schedules, queue, runs }: OpenedCatalog): Promise<void> {
  for (;;) {
    const state = (await schedules.list()).get(entry)!;
    const to = { ...state, consideredUntil: state.consideredUntil + 1 };
    const queued = await schedules.claim(
      state,
      to,
      sampleRun(entry, { scheduledFor: to.consideredUntil, keys: [`job:${entry}`] }),
    );
    if (queued === undefined) continue;
    tell('queued', queued);
    const run = await queue.claim(self, systemClock.now(), { only: queued });
    if (run === undefined) continue;
    tell('began', run.id);
    await runs.progress(run.id, self.id, [
      { name: 's', kind: 'backup', startedAt: 1, output: 'x' },
    ]);
    const end = sampleEnd('failed', { reason: 'As it was told' });
    await queue.finish(run.id, self.id, end, systemClock.now(), [sampleEntry(run.id)]);
    tell('ended', run.id);
  }
}
