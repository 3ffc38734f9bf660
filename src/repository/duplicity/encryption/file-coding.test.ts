import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { concatBytes, utf8 } from '../../../base/bytes.ts';
import { hasCode } from '../../../base/errors.ts';
import {
  decode,
  encode,
  mixed,
  needsGpg,
  piecesOf,
  settings,
  withPassphrase,
} from '../../../../test/support/file-codings.ts';
import { gpgHome } from '../../../../test/support/gpg-home.ts';
import { FileCoding } from './file-coding.ts';
import type { Protection } from './protection.ts';

const fixtures = path.resolve('test/fixtures/duplicity');

test('plain and gzip', async () => {
  const plain: Protection = { kind: 'none', compress: false };
  const gzip: Protection = { kind: 'none', compress: true };
  assert.equal(new FileCoding(plain).coding, 'plain');
  assert.equal(new FileCoding(gzip).coding, 'gzip');
  assert.equal(new FileCoding(withPassphrase('x')).coding, 'openpgp');
  assert.ok((await encode(gzip, mixed, { coding: 'plain' })).equals(mixed));
  const stored = await encode(plain, mixed, { coding: 'gzip' });
  assert.ok(gunzipSync(stored).equals(mixed));
  assert.ok((await decode(plain, stored, 'gzip')).equals(mixed));
  assert.ok((await decode(gzip, mixed, 'plain')).equals(mixed));
});

test('an encrypted file without a passphrase says what is missing', async () => {
  const protection: Protection = { kind: 'none', compress: true };
  await assert.rejects(decode(protection, mixed), {
    code: 'repository/wrong-passphrase',
    hint: 'Give the passphrase of the archive',
  });
  await assert.rejects(encode(protection, mixed), { code: 'repository/wrong-passphrase' });
});

test('a passphrase needs no gpg', async () => {
  const stored = await encode(withPassphrase('käse'), mixed);
  assert.ok((await decode(withPassphrase('käse'), stored)).equals(mixed));
  // gpg reads one line.
  assert.ok((await decode(withPassphrase('käse\nmore'), stored)).equals(mixed));
  await assert.rejects(decode(withPassphrase('kase'), stored), {
    code: 'repository/wrong-passphrase',
  });
  const half = stored.subarray(0, stored.length >> 1);
  await assert.rejects(decode(withPassphrase('käse'), half), { code: 'repository/damaged' });
});

test('who has read a message writes with its salt, for which the key is known, but only if nothing in it was changed', async () => {
  const saltOf = (message: Uint8Array): string =>
    Buffer.from(message.subarray(6, 14)).toString('hex');
  const stored = await encode(withPassphrase('x'), mixed);
  const damaged = Uint8Array.from(stored);
  damaged[damaged.length - 1]! ^= 1;
  const saltAfter = async (message: Uint8Array, pieces: number): Promise<string> => {
    const coding = new FileCoding(withPassphrase('x'));
    let count = 0;
    try {
      for await (const piece of coding.decode(piecesOf(message, 1000), 'openpgp')) {
        assert.ok(piece.length > 0);
        if (++count === pieces) break;
      }
    } catch (error) {
      assert.ok(hasCode(error, 'repository/damaged'));
    }
    const written: Uint8Array[] = [];
    const encoder = await coding.encoder(
      'openpgp',
      (bytes) => void written.push(Uint8Array.from(bytes)),
    );
    await encoder.write(mixed);
    await encoder.finish();
    const second = concatBytes(...written);
    assert.ok((await decode(withPassphrase('x'), second)).equals(mixed));
    return saltOf(second);
  };
  assert.equal(await saltAfter(stored, Infinity), saltOf(stored));
  assert.notEqual(await saltAfter(stored, 1), saltOf(stored));
  assert.notEqual(await saltAfter(damaged, Infinity), saltOf(stored));
});

test('an empty passphrase protects nothing', async () => {
  for (const passphrase of ['', '\n', '\nsecret'])
    await assert.rejects(encode(withPassphrase(passphrase), mixed), { code: 'input/invalid' });
});

const pubkeyManifest = 'pubkey-signed/dest/duplicity-full.20231114T221320Z.manifest.gpg';

test('what only gpg reads needs gpg, and says so', async () => {
  await assert.rejects(
    decode(withPassphrase('x'), readFileSync(path.join(fixtures, pubkeyManifest))),
    { code: 'process/failed', message: 'Cannot start "gpg": there is no such program' },
  );
});

test('a stream that is not read to its end is closed', async () => {
  for (const coding of ['plain', 'openpgp'] as const) {
    const protection = withPassphrase('x');
    const stored = coding === 'plain' ? mixed : await encode(protection, mixed);
    let isClosed = false;
    async function* watched(): AsyncGenerator<Uint8Array> {
      try {
        yield* piecesOf(stored, 1000);
      } finally {
        isClosed = true;
      }
    }
    for await (const piece of new FileCoding(protection).decode(watched(), coding)) {
      assert.ok(piece.length > 0);
      break;
    }
    assert.ok(isClosed, coding);
  }
});

test('gpg opens what is written here, and what it writes is opened here', needsGpg, async () => {
  await using home = await gpgHome();
  const passphrase = ['--passphrase', 'pass phrase'];
  const quick = ['--s2k-count', '65536'];
  for (const protection of [
    withPassphrase('pass phrase'),
    { ...withPassphrase('pass phrase'), compress: false } as Protection,
  ]) {
    for (const plain of [mixed, new Uint8Array(0), utf8('x')]) {
      const stored = await encode(protection, plain);
      const { output, lastWords } = await home.gpg([...passphrase, '--decrypt'], stored);
      assert.ok(output.equals(plain));
      assert.doesNotMatch(lastWords, /warning/iu);
    }
  }
  for (const options of [
    [],
    ['--s2k-mode', '0'],
    ['--s2k-mode', '1', '--s2k-digest-algo', 'SHA512'],
    ['--s2k-count', '2048', '--cipher-algo', 'AES128'],
    ['--cipher-algo', '3DES', '--compress-algo', 'none'],
    ['--cipher-algo', 'CAMELLIA192', '--compress-algo', 'zlib'],
    // These are given back to gpg.
    ['--compress-algo', 'bzip2'],
    ['--cipher-algo', 'TWOFISH'],
    ['--armor'],
  ]) {
    const { output } = await home.gpg([...passphrase, ...quick, ...options, '--symmetric'], mixed);
    const protection = withPassphrase('pass phrase', settings(home));
    assert.ok((await decode(protection, output)).equals(mixed), options.join(' '));
    await assert.rejects(decode(withPassphrase('other', settings(home)), output), {
      code: 'repository/wrong-passphrase',
    });
  }
});
