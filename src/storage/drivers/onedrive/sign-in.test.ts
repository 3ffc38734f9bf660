import { signInContract } from '#test/contract/sign-in-contract.ts';
import { serverKind } from '#test/servers/onedrive.ts';

signInContract({
  title: 'OneDrive',
  start: () => serverKind.start(),
  url: (place) => `onedrive://${place}`,
  saysHowLong: true,
});
