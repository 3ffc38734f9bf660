import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Secret } from '../../../base/secret.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { DigestSession } from './digest-session.ts';

// RFC 7616, section 3.9.1.
const mufasa = { user: 'Mufasa', password: new Secret('Circle of Life') };
const shared =
  'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
const clientNonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';

function answerTo(header: string): ReadonlyMap<string, string> {
  const session = DigestSession.for(mufasa, parseChallenges(header), clientNonce);
  const [answer] = parseChallenges(session?.authorize('GET', '/dir/index.html') ?? '');
  assert.equal(answer?.scheme, 'digest');
  return answer.parameters;
}

test('the examples of RFC 7616 are answered as it says', () => {
  const md5 = answerTo(`Digest ${shared}, algorithm=MD5`);
  assert.equal(md5.get('response'), '8ca523f5e9506fed4657c9700eebdbec');
  assert.equal(md5.get('nc'), '00000001');
  const sha = answerTo(`Digest ${shared}, algorithm=SHA-256`);
  assert.equal(
    sha.get('response'),
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  );
  assert.equal(sha.get('opaque'), 'FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS');
});

test('the example of RFC 2069, without qop, is answered', () => {
  const session = DigestSession.for(
    { user: 'Mufasa', password: new Secret('Circle Of Life') },
    parseChallenges(
      'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"',
    ),
  );
  const [answer] = parseChallenges(session?.authorize('GET', '/dir/index.html') ?? '');
  assert.equal(answer?.parameters.get('response'), '670fd8c2df070c60b045671b8b24ff02');
  assert.equal(answer?.parameters.has('nc'), false);
});

test('of several challenges the strongest is answered, and none that cannot be', () => {
  const header = `Basic realm="x, y", Digest ${shared}, algorithm=MD5, Digest ${shared}, algorithm=SHA-256`;
  assert.deepEqual(
    parseChallenges(header).map(({ scheme }: Challenge) => scheme),
    ['basic', 'digest', 'digest'],
  );
  assert.equal(answerTo(header).get('algorithm'), 'SHA-256');
  for (const impossible of [
    `Digest ${shared}, algorithm=TOKEN`,
    'Digest realm="x", nonce="n", qop="auth-int"',
    'Digest realm="x"',
    'Basic realm="x"',
    'Negotiate abc==',
    '',
  ])
    assert.equal(DigestSession.for(mufasa, parseChallenges(impossible)), undefined, impossible);
});

test('a nonce is counted, and replaced when the server says so', () => {
  const session = DigestSession.for(mufasa, parseChallenges(`Digest ${shared}`));
  assert.ok(session);
  const count = (): string | undefined =>
    parseChallenges(session.authorize('PUT', '/a'))[0]?.parameters.get('nc');
  assert.deepEqual([count(), count()], ['00000001', '00000002']);
  session.renew('qop=auth, rspauth="x"');
  assert.equal(count(), '00000003');
  session.renew('nextnonce="new one", rspauth="x"');
  assert.equal(session.nonce, 'new one');
  assert.equal(count(), '00000001');
});

test('quotes and escapes in a header are kept as they stand', () => {
  const [challenge] = parseChallenges(String.raw`Digest realm="a \"b\", c" , nonce=n,stale=TRUE`);
  assert.deepEqual(Object.fromEntries(challenge?.parameters ?? []), {
    realm: String.raw`a \"b\", c`,
    nonce: 'n',
    stale: 'TRUE',
  });
});
