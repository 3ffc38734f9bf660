import { networkContract } from '#test/contract/network-contract.ts';
import { openSshPrograms, type OpenSshServer, startOpenSsh } from '#test/servers/openssh.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { fillDirectory } from '#test/support/fill-directory.ts';
import { readFileSync } from 'node:fs';
import { describe } from 'node:test';

const missing = missingPrograms(openSshPrograms);

for (const client of ['program', 'library']) {
  const url = (server: OpenSshServer, place: string, port: number, identity: string): string => {
    const hostKey = readFileSync(`${server.directory}/host_ed25519.pub`, 'utf8').trim();
    const options = new URLSearchParams({ client, 'identity-file': identity, 'host-key': hostKey });
    return `sftp://root@127.0.0.1:${port}/${server.data}/${place}?${String(options).replaceAll('+', '%20')}`;
  };
  if (missing === false) {
    networkContract({
      title: `SFTP by OpenSSH, the client is the ${client}`,
      start: () => startOpenSsh(),
      fill: (server, place, names) =>
        fillDirectory(`${(server as OpenSshServer).data}/${place}`, names),
      url: (server, place, port) =>
        url(server as OpenSshServer, place, port, (server as OpenSshServer).identity),
      wrongCredentials: (server, place, port) =>
        url(server as OpenSshServer, place, port, (server as OpenSshServer).stranger),
    });
  } else describe(`SFTP by OpenSSH, the client is the ${client}`, { skip: missing });
}
