import { storageContract } from '#test/contract/storage-contract.ts';
import { owning } from '#test/support/owning-storage.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { FileStorage } from './file.ts';

storageContract('FileStorage', async () => {
  const directory = await temporaryDirectory();
  return owning(await FileStorage.open(directory.path), directory);
});
