import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { testContext } from '#test/cli/command-line.ts';

import type { GlobalFlagValues } from './global-flags.ts';
import { localPlaces } from './places.ts';
import type { CommandSession } from './session.ts';

/** State and cache directory. */
function placesOf(
  environment: Readonly<Record<string, string>>,
  flags: Partial<GlobalFlagValues> = {},
): readonly (string | undefined)[] {
  const context = testContext({ environment, context: { workingDirectory: '/home/me' } });
  const places = localPlaces(
    { 'no-cache': false, ...flags } as GlobalFlagValues,
    context as unknown as CommandSession,
  );
  return [places.stateDirectory, places.cacheDirectory];
}

test('localPlaces() goes by the flags, the XDG variables and the home directory', () => {
  const home = { HOME: '/home/anna' };
  assert.deepEqual(placesOf(home), [
    '/home/anna/.local/state/holdfast',
    '/home/anna/.cache/holdfast',
  ]);
  const given = { ...home, XDG_STATE_HOME: '/s', XDG_CACHE_HOME: 'relative' };
  assert.deepEqual(placesOf(given), ['/s/holdfast', '/home/anna/.cache/holdfast']);
  assert.deepEqual(placesOf(given, { 'state-dir': 'x', 'cache-dir': '/c' }), ['/home/me/x', '/c']);
  assert.deepEqual(placesOf(given, { 'no-cache': true }), ['/s/holdfast', undefined]);
});

test('localPlaces() does without HOME: root keeps things below /var, others in the home that the system knows', () => {
  const { homedir } = userInfo();
  assert.deepEqual(
    placesOf({}),
    process.getuid?.() === 0
      ? ['/var/lib/holdfast', '/var/cache/holdfast']
      : [path.join(homedir, '.local/state/holdfast'), path.join(homedir, '.cache/holdfast')],
  );
});
