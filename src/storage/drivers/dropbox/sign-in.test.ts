import { signInContract } from '#test/contract/sign-in-contract.ts';
import { serverKind } from '#test/servers/dropbox.ts';

signInContract({
  title: 'Dropbox',
  start: () => serverKind.start(),
  url: (place) => `dropbox://${place}`,
  saysHowLong: true,
});
