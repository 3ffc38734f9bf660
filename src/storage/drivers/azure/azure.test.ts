import { networkContract } from '../../../../test/contract/network-contract.ts';
import { serverKind, startAzurite, type AzuriteServer } from '../../../../test/servers/azurite.ts';
import { missingPrograms } from '../../../../test/servers/required-programs.ts';

const missing = missingPrograms(serverKind.programs);

function urlOf(
  server: AzuriteServer,
  container: string,
  { port = server.port, key = server.key } = {},
): string {
  const query = new URLSearchParams({
    account: server.account,
    key,
    endpoint: server.endpoint(port),
  });
  return `azure://${container}/backups?${query.toString()}`;
}

if (missing === false) {
  networkContract({
    title: 'Azure Blob Storage by Azurite',
    start: () => startAzurite(),
    url: (server, place, port) => urlOf(server as AzuriteServer, place, { port }),
    prepare: async (server, place) =>
      void (await (server as AzuriteServer).container(place).create()),
    wrongCredentials: (server, place, port) =>
      urlOf(server as AzuriteServer, place, { port, key: 'AAAA' }),
    // A page holds 5,000.
    listed: 5200,
  });
}
