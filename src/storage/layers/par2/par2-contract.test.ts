import { storageContract } from '#test/contract/storage-contract.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { thorough } from '#test/support/thorough.ts';

import { MemoryStorage } from '../../drivers/memory/memory.ts';
import type { Storage } from '../../storage.ts';
import { Par2Program } from './par2-program.ts';
import { protecting } from './protecting.ts';

if (missingPrograms(['par2']) === false) {
  // The program runs for each object, and there are no pages.
  const sizes = thorough ? undefined : { long: 120, short: 60 };
  const open = async (): Promise<Storage> =>
    protecting(new MemoryStorage(), {
      program: new Par2Program({
        redundancy: 10,
        volumes: 1,
        // As many blocks as by default take the program a second for each object.
        parameters: ['-b2', '-t1'],
        program: 'par2',
        environment: { PATH: process.env['PATH'] },
      }),
      warn: () => undefined,
    });
  storageContract('par2+', open, sizes);
}
