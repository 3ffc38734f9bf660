import type { OpenSshServer } from '../servers/openssh.ts';

/** The URL of an absolute path on the server, with options; `identity-file` and `known-hosts` are those of the server unless given. */
export function openSshUrl(
  server: OpenSshServer,
  directory: string,
  options: Readonly<Record<string, string | undefined>> = {},
  { user = 'root', port = server.port }: { readonly user?: string; readonly port?: number } = {},
): string {
  const all: Record<string, string | undefined> = {
    'identity-file': server.identity,
    'known-hosts': server.knownHosts,
    ...options,
  };
  const query = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return `sftp://${user}@127.0.0.1:${port}/${directory}?${query.join('&')}`;
}
