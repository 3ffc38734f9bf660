import path from 'node:path';

import { networkContract } from '#test/contract/network-contract.ts';
import {
  type RcloneServer,
  rcloneServePrograms,
  startRcloneServe,
} from '#test/servers/rclone-serve.ts';
import { fillDirectory } from '#test/support/fill-directory.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';

const missing = missingPrograms(rcloneServePrograms);

if (missing === false) {
  let served: RcloneServer;
  networkContract({
    title: 'rclone with SFTP',
    start: async () => (served = await startRcloneServe('sftp')),
    url: (_, place, port) => `rclone://${served.remote(port, place)}`,
    environment: () => served.environment,
    fill: (_, place, names) => fillDirectory(path.join(served.data, place), names),
    wrongCredentials: (_, place, port) => `rclone://${served.remote(port, place, 'wr0ng-one')}`,
  });
}
