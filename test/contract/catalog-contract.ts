import { describe } from 'node:test';

import { configurationContract } from './catalog-contract-configuration.ts';
import { keyContract } from './catalog-contract-key.ts';
import { processContract } from './catalog-contract-processes.ts';
import { queueContract } from './catalog-contract-queue.ts';
import { runContract } from './catalog-contract-runs.ts';
import { scheduleContract } from './catalog-contract-schedules.ts';
import { tellingContract } from './catalog-contract-telling.ts';
import type { MakePlace } from './catalog-place.ts';

/** One test for each sentence of the contract of the catalog; every database runs it. */
export function catalogContract(
  title: string,
  make: MakePlace,
  skip: string | false = false,
): void {
  describe(`${title} keeps the contract of the catalog`, { concurrency: false, skip }, () => {
    configurationContract(make);
    keyContract(make);
    scheduleContract(make);
    queueContract(make);
    runContract(make);
    tellingContract(make);
    processContract(make);
  });
}
