import { networkContract } from '#test/contract/network-contract.ts';
import { apachePrograms, type ApacheServer, startApache } from '#test/servers/apache.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';

if (missingPrograms(apachePrograms) === false) {
  const at = ({ user, password }: ApacheServer, rest: string): string =>
    `${encodeURIComponent(user)}:${encodeURIComponent(password)}@localhost:${rest}`;

  networkContract({
    title: 'WebDAV by Apache, Basic',
    start: startApache,
    url: (server, place, port) => `webdav://${at(server as ApacheServer, `${port}/dav/${place}`)}`,
    wrongCredentials: (_, place, port) =>
      `webdav://backup:wr0ng-one@localhost:${port}/dav/${place}`,
  });
}
