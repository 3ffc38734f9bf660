import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';

import { hasCode } from '../../../base/errors.ts';
import { fingerprintOf, HostTrust, parseHostKey } from './host-trust.ts';
import { type KnownKeys, knownKeys } from './known-hosts.ts';

/** A key as it goes over the line: its type, then bytes that nobody looks at here. */
function keyOf(type: string, filling: number): { readonly key: Buffer; readonly text: string } {
  const key = Buffer.concat([
    Buffer.from([0, 0, 0, type.length]),
    Buffer.from(type),
    Buffer.alloc(32, filling),
  ]);
  return { key, text: `${type} ${key.toString('base64')}` };
}

const ed25519 = keyOf('ssh-ed25519', 1);
const rsa = keyOf('ssh-rsa', 2);
const other = keyOf('ssh-ed25519', 3);

function hashed(name: string): string {
  const salt = Buffer.from('0123456789abcdef0123');
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

function types(known: KnownKeys): readonly string[] {
  return known.accepted.map(({ type }) => type);
}

describe('known hosts', () => {
  const matching: readonly (readonly [patterns: string, host: string, port: number])[] = [
    ['host.example', 'host.example', 22],
    ['HOST.example', 'Host.Example', 22],
    ['a,host.example,10.0.0.1', 'host.example', 22],
    ['*.example', 'host.example', 22],
    ['h?st.example', 'host.example', 22],
    ['[host.example]:2222', 'host.example', 2222],
    ['[*.example]:2222', 'host.example', 2222],
    ['2001:db8::1', '2001:db8::1', 22],
    [hashed('host.example'), 'host.example', 22],
    [hashed('[host.example]:2222'), 'host.example', 2222],
  ];
  for (const [patterns, host, port] of matching) {
    test(`${patterns} is ${host} at ${port}`, () => {
      assert.deepEqual(types(knownKeys(`${patterns} ${ed25519.text} comment`, host, port)), [
        'ssh-ed25519',
      ]);
    });
  }

  const different: readonly (readonly [patterns: string, host: string, port: number])[] = [
    ['host.example', 'host.example', 2222],
    ['[host.example]:2222', 'host.example', 22],
    ['host.example', 'xhost.example', 22],
    ['host.example', 'host-example', 22],
    ['*.example,!host.example', 'host.example', 22],
    ['!host.example,*.example', 'host.example', 22],
    [hashed('host.example'), 'host.example', 2222],
    ['|1|broken', 'host.example', 22],
    ['#host.example', 'host.example', 22],
  ];
  for (const [patterns, host, port] of different) {
    test(`${patterns} is not ${host} at ${port}`, () => {
      assert.deepEqual(types(knownKeys(`${patterns} ${ed25519.text}`, host, port)), []);
    });
  }

  test('markers are kept apart, and lines that cannot be read say nothing', () => {
    const known = knownKeys(
      [
        `h ${ed25519.text}`,
        `@revoked * ${other.text}`,
        `@cert-authority h ${rsa.text}`,
        'h ssh-rsa AAAA',
        `h ssh-rsa ${ed25519.text.split(' ')[1]}`,
        'h',
        '',
      ].join('\r\n'),
      'h',
      22,
    );
    assert.deepEqual(types(known), ['ssh-ed25519']);
    assert.equal(known.revoked.length, 1);
    assert.ok(known.hasAuthority);
  });
});

describe('trust in a host', () => {
  const load = (hostKey?: string, fingerprint?: string): Promise<HostTrust> =>
    HostTrust.load({ host: 'h', port: 22, hostKey, fingerprint, knownHosts: [] });

  test('is in a given key, also behind names as in a line of known hosts', async () => {
    for (const text of [ed25519.text, `h, 10.0.0.1 ${ed25519.text} comment`]) {
      const trust = await load(text);
      assert.equal(trust.reasonAgainst(ed25519.key), undefined);
      assert.ok(hasCode(trust.reasonAgainst(other.key), 'storage/untrusted'));
      assert.deepEqual(trust.offers[0], ['ssh-ed25519']);
    }
  });

  test('is in a fingerprint in every way of writing it', async () => {
    const fingerprint = fingerprintOf(rsa.key);
    for (const text of [
      fingerprint,
      fingerprint.slice('SHA256:'.length),
      `${fingerprint}=`,
      `ssh-rsa 2048 ${fingerprint}`,
    ]) {
      const trust = await load(undefined, text);
      assert.equal(trust.reasonAgainst(rsa.key), undefined);
      assert.ok(hasCode(trust.reasonAgainst(ed25519.key), 'storage/untrusted'));
      assert.ok(trust.offers.length > 1);
    }
  });

  test('is in nothing when nothing is known', async () => {
    const reason = (await load()).reasonAgainst(ed25519.key);
    assert.ok(hasCode(reason, 'storage/untrusted'));
    assert.ok(reason.message.includes(fingerprintOf(ed25519.key)));
  });

  test('is not in what cannot be read', async () => {
    const isUsage = (error: unknown): boolean => hasCode(error, 'input/usage');
    assert.throws(() => parseHostKey('ssh-ed25519 nothing'), isUsage);
    await assert.rejects(load(undefined, 'MD5:00:11'), isUsage);
    await assert.rejects(load(undefined, 'AAAA'), isUsage);
  });
});
