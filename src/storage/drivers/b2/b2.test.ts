import { networkContract } from '../../../../test/contract/network-contract.ts';
import { type B2Key, type B2Server, serverKind, startB2 } from '../../../../test/servers/b2.ts';
import { missingPrograms } from '../../../../test/servers/required-programs.ts';

const missing = missingPrograms(serverKind.programs);

interface UrlParts {
  readonly port?: number;
  readonly key?: B2Key;
  readonly options?: Readonly<Record<string, string>>;
}

function urlOf(
  server: B2Server,
  bucket: string,
  { port = server.port, key = server.master, options = {} }: UrlParts = {},
): string {
  const query = new URLSearchParams({ endpoint: server.endpoint(port), ...options });
  return `b2://${key.id}:${key.key}@${bucket}/backups?${query.toString()}`;
}

if (missing === false) {
  let server: B2Server;
  networkContract({
    title: "Backblaze B2 by the vendor's simulator",
    start: async () => (server = await startB2()),
    url: (_, place, port) => urlOf(server, place, { port, options: { 'part-size': '5M' } }),
    prepare: (_, place) => server.createBucket(place),
    wrongCredentials: (_, place, port) =>
      urlOf(server, place, { port, key: { id: server.master.id, key: 'wrong-key' } }),
    // The simulator has no disk.
    survivesKill: false,
  });
}
