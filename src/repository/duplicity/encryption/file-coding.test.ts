import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { utf8 } from '../../../base/bytes.ts';
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
