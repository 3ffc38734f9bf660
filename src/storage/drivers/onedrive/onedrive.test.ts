import { networkContract } from '#test/contract/network-contract.ts';
import { serverKind } from '#test/servers/onedrive.ts';
import { simulatedUrl } from '#test/servers/simulators/simulated-oauth.ts';

const url = (place: string, port: number, refreshToken?: string): string =>
  simulatedUrl(`onedrive://${place}/backups`, { port, refreshToken });

networkContract({
  title: 'OneDrive by a simulator',
  start: () => serverKind.start(),
  url: (_, place, port) => url(place, port),
  wrongCredentials: (_, place, port) => url(place, port, 'wrong'),
});
