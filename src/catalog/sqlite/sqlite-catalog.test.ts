import path from 'node:path';

import { catalogContract } from '#test/contract/catalog-contract.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

catalogContract('SQLite', async () => {
  const directory = await temporaryDirectory();
  const file = path.join(directory.path, 'state', 'catalog.sqlite');
  return {
    location: { file },
    address: file,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
});
