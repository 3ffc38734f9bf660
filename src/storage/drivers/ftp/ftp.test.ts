import { after, describe } from 'node:test';

import {
  type NetworkSubject,
  networkContract,
  openForTest,
} from '#test/contract/network-contract.ts';
import { storageContract } from '#test/contract/storage-contract.ts';
import { type Proftpd, startProftpd } from '#test/servers/proftpd.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { fillDirectory } from '#test/support/fill-directory.ts';

const missing = missingPrograms(['proftpd', 'ftpasswd']);

/** Without TLS and with it; TLS that begins later is otherwise the same as TLS from the beginning. */
function subjectOf(title: string, scheme: string, encryption: 'none' | 'explicit'): NetworkSubject {
  const url = (
    { user, hostOf, certificate }: Proftpd,
    place: string,
    port: number,
    password: string,
  ): string => {
    const trust = certificate === '' ? '' : `?ca-file=${encodeURIComponent(certificate)}`;
    return `${scheme}://${user}:${encodeURIComponent(password)}@${hostOf(port)}:${port}/${place}/below${trust}`;
  };
  return {
    title,
    start: () => startProftpd({ encryption }),
    url: (server: Proftpd, place, port) => url(server, place, port, server.password),
    fill: (server: Proftpd, place, names) => fillDirectory(`${server.home}/${place}/below`, names),
    wrongCredentials: (server: Proftpd, place, port) =>
      url(server, place, port, 'not the password'),
    proxy: (server: Proftpd, faults) => server.proxy(faults),
  };
}

describe('FTP', { concurrency: false, skip: missing }, async () => {
  if (missing !== false) return;
  networkContract(subjectOf('FTP by ProFTPD', 'ftp', 'none'));
  networkContract(subjectOf('FTP with explicit TLS by ProFTPD', 'ftpes', 'explicit'));

  const server = await startProftpd({ encryption: 'implicit' });
  after(() => server[Symbol.asyncDispose]());
  let places = 0;
  storageContract('FTP with implicit TLS by ProFTPD', () => {
    const { user, password, port, certificate } = server;
    const place = `place${(places += 1)}`;
    return openForTest(
      `ftps://${user}:${encodeURIComponent(password)}@localhost:${port}/${place}?ca-file=${certificate}`,
    );
  });
});
