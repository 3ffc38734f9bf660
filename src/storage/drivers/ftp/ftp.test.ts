import { describe } from 'node:test';

import { type NetworkSubject, networkContract } from '#test/contract/network-contract.ts';
import { type Proftpd, startProftpd } from '#test/servers/proftpd.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';

const missing = missingPrograms(['proftpd', 'ftpasswd']);

function subjectOf(
  title: string,
  scheme: string,
  encryption: 'none' | 'explicit' | 'implicit',
): NetworkSubject {
  let server: Proftpd | undefined;
  const started = (): Proftpd => {
    if (server === undefined) throw new Error('The server was not started');
    return server;
  };
  const url = (place: string, port: number, password: string): string => {
    const { user, hostOf, certificate } = started();
    // Its certificate names the address of the server, and not that of the proxy.
    const host = encryption === 'none' ? hostOf(port) : hostOf(port);
    const trust = certificate === '' ? '' : `?ca-file=${encodeURIComponent(certificate)}`;
    return `${scheme}://${user}:${encodeURIComponent(password)}@${host}:${port}/${place}/below${trust}`;
  };
  return {
    title,
    start: async () => (server = await startProftpd({ encryption })),
    url: (_, place, port) => url(place, port, started().password),
    wrongCredentials: (_, place, port) => url(place, port, 'not the password'),
    proxy: (_, faults) => started().proxy(faults),
  };
}

describe('FTP', { concurrency: false, skip: missing }, () => {
  if (missing !== false) return;
  networkContract(subjectOf('FTP by ProFTPD', 'ftp', 'none'));
});
