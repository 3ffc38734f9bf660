import { networkContract } from '../../../../test/contract/network-contract.ts';
import { missingPrograms } from '../../../../test/servers/required-programs.ts';
import { startSwift, swiftPrograms } from '../../../../test/servers/swift.ts';

if (missingPrograms(swiftPrograms) === false) {
  const server = await startSwift();
  const urlOf = (place: string, port: number, user = ''): string =>
    `swift://${user}${place}/backups?auth-url=http://127.0.0.1:${port}/auth/v1.0&create-container=yes`;
  networkContract({
    title: 'Swift with TempAuth',
    start: async () => server,
    url: (_, place, port) => urlOf(place, port),
    environment: () => ({ SWIFT_USERNAME: server.user, SWIFT_PASSWORD: server.password }),
    wrongCredentials: (_, place, port) =>
      urlOf(place, port, `${encodeURIComponent(server.user)}:wrong-word@`),
  });
}
