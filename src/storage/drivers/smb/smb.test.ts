import path from 'node:path';

import { networkContract } from '#test/contract/network-contract.ts';
import { fillDirectory } from '#test/support/fill-directory.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { sambaPrograms, type SambaServer, startSamba } from '#test/servers/samba.ts';

const missing = missingPrograms(sambaPrograms);

if (missing === false) {
  let samba: SambaServer;
  networkContract({
    title: 'SMB by Samba',
    start: async () => (samba = await startSamba()),
    url: (_, place, port) =>
      `smb://${samba.user}:${encodeURIComponent(samba.password)}@localhost:${port}/backup/${place}`,
    fill: (_, place, names) => fillDirectory(path.join(samba.data, place), names),
    wrongCredentials: (_, place, port) =>
      `smb://${samba.user}:wr0ng-one@localhost:${port}/backup/${place}`,
  });
}
