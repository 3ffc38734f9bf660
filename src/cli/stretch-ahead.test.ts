import assert from 'node:assert/strict';
import { test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { fromHex } from '../base/bytes.ts';
import { systemRandom } from '../base/random.ts';
import { Secret } from '../base/secret.ts';
import { LocalState } from '../repository/native/hosts/local-state.ts';
import { parseDestinationUrl } from '../storage/url.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import { KnownDestinations } from './known-destinations.ts';
import type { CommandSession } from './session.ts';
import { stretchAhead } from './stretch-ahead.ts';

test('a passphrase is stretched ahead for a destination that is remembered', async () => {
  await using directory = await temporaryDirectory();
  const state = directory.path;
  const repositoryId = '1'.repeat(32);
  const stretching = { memory: 19_456, passes: 1, lanes: 1, salt: systemRandom(32) };
  const known = new KnownDestinations(state);
  await known.note('sftp://server/a', repositoryId);
  await known.note('sftp://server/b', '2'.repeat(32));
  await known.note('/mnt/a', repositoryId);
  const local = await LocalState.open(state, fromHex(repositoryId), systemRandom);
  await local.noteSlot({ id: 'e'.repeat(32), stretching });

  const begin = (
    url: string,
    passphrase?: Secret,
    place = state,
  ): ReturnType<typeof stretchAhead> =>
    stretchAhead(
      parseDestinationUrl(url),
      { 'state-dir': place } as GlobalFlagValues,
      { passphraseAtHand: () => passphrase, workingDirectory: '/' } as CommandSession,
    );
  const secret = new Secret('secret');
  const begun = await begin('sftp://server/a', secret);
  assert.ok(begun?.keyFor(secret, stretching));
  for (const url of ['sftp://server/b', 'sftp://server/c', '/mnt/a'])
    assert.equal(await begin(url, secret), undefined, url);
  assert.equal(await begin('sftp://server/a'), undefined, 'nobody is asked');
  assert.equal(await begin('sftp://server/a', secret, known.file), undefined, 'told later');
});
