import { storageContract } from '#test/contract/storage-contract.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';

import { MemoryStorage } from '../../drivers/memory/memory.ts';
import { Par2Program } from './par2-program.ts';
import { protecting } from './protecting.ts';

if (missingPrograms(['par2']) === false) {
  storageContract('par2+', async () =>
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
    }),
  );
}
