import { describe } from 'node:test';

import { networkContract } from '#test/contract/network-contract.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { type RsyncDaemon, startRsyncDaemon } from '#test/servers/rsync-daemon.ts';
import { fillDirectory } from '#test/support/fill-directory.ts';

const missing = missingPrograms(['rsync']);

const daemonUrl = ({ user }: RsyncDaemon, place: string, port: number, password: string): string =>
  `rsync://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}::data/${place}/below`;

describe('rsync', { concurrency: false, skip: missing }, () => {
  if (missing !== false) return;
  networkContract({
    title: 'rsync daemon',
    // Files that are synced one by one take minutes; the other tests have servers that do it.
    start: () => startRsyncDaemon({ lines: ['refuse options = fsync'] }),
    url: (server: RsyncDaemon, place, port) => daemonUrl(server, place, port, server.password),
    fill: (server: RsyncDaemon, place, names) =>
      fillDirectory(`${server.data}/${place}/below`, names),
    wrongCredentials: (server: RsyncDaemon, place, port) =>
      daemonUrl(server, place, port, 'not the password'),
  });
});
