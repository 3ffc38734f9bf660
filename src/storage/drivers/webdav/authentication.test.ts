import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Secret } from '../../../base/secret.ts';
import { Authentication, type AuthenticationSettings } from './authentication.ts';

const basic = `Basic ${Buffer.from('user:pass').toString('base64')}`;
const digest = 'Digest realm="r", nonce="n", qop="auth"';

function authentication(settings: Partial<AuthenticationSettings> = {}): {
  readonly it: Authentication;
  readonly shown: () => number;
} {
  let count = 0;
  const it = new Authentication({
    kind: 'auto',
    user: 'user',
    password: new Secret('pass'),
    token: undefined,
    isEncrypted: false,
    onPlainPassword: () => (count += 1),
    ...settings,
  });
  return { it, shown: () => count };
}

test('the password is sent unasked over an encrypted line, or when that is wanted', () => {
  assert.equal(authentication({ isEncrypted: true }).it.authorize('GET', '/')?.header, basic);
  assert.equal(authentication({ kind: 'basic' }).it.authorize('GET', '/')?.header, basic);
  for (const kind of ['auto', 'digest'] as const) {
    const { it } = authentication({ kind });
    assert.equal(it.authorize('GET', '/'), undefined);
    assert.ok(it.isOpen);
  }
});

test('whoever asks for Basic over a line that can be read gets it, and the user is told', () => {
  const { it, shown } = authentication();
  assert.ok(it.refused(undefined, 'Basic realm="r"'));
  assert.equal(shown(), 1);
  const used = it.authorize('GET', '/');
  assert.equal(used?.header, basic);
  assert.equal(it.refused(used, 'Basic realm="r"'), false);
});

test('Digest is preferred, also after Basic was sent, and never left again', () => {
  for (const isEncrypted of [true, false]) {
    const { it, shown } = authentication({ isEncrypted });
    assert.ok(it.refused(it.authorize('GET', '/'), `Basic realm="r", ${digest}`));
    const used = it.authorize('GET', '/');
    assert.match(used?.header ?? '', /^Digest /u);
    it.accepted(used, undefined);
    assert.equal(it.refused(it.authorize('GET', '/'), 'Basic realm="r"'), false);
    assert.equal(shown(), 0);
  }
});

test('a refused answer counts as a wrong password, unless it was good before or only old', () => {
  const { it } = authentication();
  assert.ok(it.refused(undefined, digest));
  assert.equal(it.refused(it.authorize('GET', '/'), digest), false);
  assert.ok(it.refused(it.authorize('GET', '/'), `${digest}, stale=true`));
  const used = it.authorize('GET', '/');
  it.accepted(used, undefined);
  assert.ok(it.refused(it.authorize('GET', '/'), digest));
});

test('a request that was refused with a nonce that others have replaced is sent again', () => {
  const { it } = authentication();
  assert.ok(it.refused(undefined, digest));
  const early = it.authorize('GET', '/');
  assert.ok(
    it.refused(it.authorize('GET', '/'), 'Digest realm="r", nonce="m", qop="auth", stale=true'),
  );
  assert.ok(it.refused(early, digest));
  assert.match(it.authorize('GET', '/')?.header ?? '', /nonce="m"/u);
});

test('without credentials nothing is sent', () => {
  const { it } = authentication({ user: undefined, password: undefined });
  assert.equal(it.hasCredentials, false);
  assert.equal(it.isOpen, false);
  assert.equal(it.refused(undefined, digest), false);
  assert.equal(it.authorize('GET', '/'), undefined);
});
