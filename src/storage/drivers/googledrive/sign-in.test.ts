import { signInContract } from '#test/contract/sign-in-contract.ts';
import { serverKind } from '#test/servers/google-drive.ts';

signInContract({
  title: 'Google Drive',
  start: () => serverKind.start(),
  url: (place) => `googledrive://${place}`,
  saysHowLong: false,
});
