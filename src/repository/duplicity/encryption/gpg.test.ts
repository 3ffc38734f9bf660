import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { utf8 } from '../../../base/bytes.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { runProgram } from '../../../base/process.ts';
import { Secret } from '../../../base/secret.ts';
import {
  decode,
  encode,
  mixed,
  needsGpg,
  settings,
  withPassphrase,
} from '../../../../test/support/file-codings.ts';
import { gpgHome, type GpgHome } from '../../../../test/support/gpg-home.ts';
import type { Protection } from './protection.ts';

const fixtures = path.resolve('test/fixtures/duplicity');

function pubkeySigned(text: string): string[] {
  const folder = path.join(fixtures, 'pubkey-signed/dest');
  return readdirSync(folder)
    .filter((name) => name.includes(text))
    .map((name) => path.join(folder, name));
}

test('signed files of the real program are read, by who has the key', needsGpg, async () => {
  await using home = await gpgHome();
  const files = pubkeySigned('.gpg');
  const keys = (signer?: string): Protection => ({
    kind: 'keys',
    recipients: [],
    hiddenRecipients: [],
    sign: signer === undefined ? undefined : { key: signer },
    gpg: settings(home),
  });
  await assert.rejects(decode(keys(), readFileSync(files[0] ?? '')), {
    code: 'repository/wrong-passphrase',
    message: /^There is no secret key that opens the file, which is for [0-9A-F]{16} /u,
  });
  await home.gpg(['--import', path.join(fixtures, 'pubkey-signed/key-secret.gpg')]);
  const list = await home.gpg(['--with-colons', '--list-keys']);
  const [, fingerprint = ''] = /^fpr:+([0-9A-F]+):/mu.exec(list.output.toString()) ?? [];
  const [, name = ''] = /^uid:.*?<(.*?)>/mu.exec(list.output.toString()) ?? [];
  assert.ok(files.length >= 5);
  for (const file of files) {
    const plain = await decode(keys(), readFileSync(file));
    if (file.includes('manifest')) assert.match(plain.toString('latin1'), /^Hostname /u);
    else assert.ok(plain.includes('ustar'));
  }
  const stored = readFileSync(files[0] ?? '');
  for (const wanted of [
    fingerprint,
    fingerprint.slice(-8),
    `0x${fingerprint.slice(-16).toLowerCase()}`,
    name,
  ]) {
    assert.ok((await decode(keys(wanted), stored)).length > 0, wanted);
  }
  await assert.rejects(decode(keys('01234567'), stored), {
    code: 'repository/damaged',
    details: { signature: 'other-key' },
  });
  await assert.rejects(decode(keys('nobody@nowhere'), stored), { code: 'input/invalid' });
});

/** Its end says little: having tried a key in vain is an error to gpg. */
async function listPackets(home: GpgHome, passphrase: string, stored: Uint8Array): Promise<string> {
  const options = ['--batch', '--no-tty', '--pinentry-mode=loopback', '--passphrase', passphrase];
  const { environment } = home;
  const result = await runProgram(['gpg', ...options, '--list-packets'], {
    environment,
    input: stored,
  });
  return result.output.toString();
}

test('keys, hidden keys and signatures, written and read by gpg', needsGpg, async () => {
  await using home = await gpgHome();
  const reader = await home.generateKey('reader@example.org', 'first secret');
  const hidden = await home.generateKey('hidden@example.org', '');
  const signer = await home.generateKey('signer@example.org', 'second secret');
  const old = await home.generateKey('old@example.org', '', [
    '--faked-system-time=20200101T000000!',
  ]);
  const base = { kind: 'keys', gpg: settings(home) } as const;
  const signing = { key: signer, passphrase: new Secret('second secret') };
  const forms: readonly Protection[] = [
    { ...base, recipients: [reader], hiddenRecipients: [] },
    { ...base, recipients: [], hiddenRecipients: [hidden] },
    { ...base, recipients: [reader], hiddenRecipients: [hidden], compress: false },
    { ...base, recipients: [reader, old], hiddenRecipients: [], sign: signing },
    { ...base, recipients: [], hiddenRecipients: [hidden], sign: signing },
  ];
  for (const protection of forms) {
    await home.forgetPassphrases();
    const stored = await encode(protection, mixed);
    await home.forgetPassphrases();
    const forReading = { ...protection, passphrase: new Secret('first secret') } as Protection;
    assert.ok((await decode(forReading, stored)).equals(mixed));
    const text = await listPackets(home, 'first secret', stored);
    assert.equal(
      text.includes('keyid 0000000000000000'),
      protection.kind === 'keys' && protection.hiddenRecipients.length > 0,
    );
    assert.equal(
      text.includes(':onepass_sig packet:'),
      protection.kind === 'keys' && protection.sign !== undefined,
    );
    assert.equal(
      text.includes(':compressed packet:'),
      !(protection.kind === 'keys' && protection.compress === false),
    );
  }
  await home.forgetPassphrases();
  const [only] = forms;
  const stored = await encode(only!, mixed);
  const reading = (passphrase: string | undefined, key?: string): Protection => ({
    ...base,
    recipients: [],
    hiddenRecipients: [],
    ...(passphrase === undefined ? {} : { passphrase: new Secret(passphrase) }),
    ...(key === undefined ? {} : { sign: { key } }),
  });
  for (const wrong of ['wrong', '', undefined]) {
    await assert.rejects(decode(reading(wrong), stored), (error) => {
      assert.ok(hasCode(error, 'repository/wrong-passphrase'));
      assert.match(error.message, /^The passphrase does not open the file/u);
      return true;
    });
  }
  await assert.rejects(decode(reading('first secret', signer), stored), {
    code: 'repository/damaged',
    details: { signature: 'missing' },
  });
  const signed = await encode(forms[3]!, mixed);
  await assert.rejects(decode(reading('first secret', old), signed), {
    code: 'repository/damaged',
    details: { signature: 'other-key' },
  });
  // Its secret part is not needed to read.
  await home.gpg(['--yes', '--delete-secret-keys', signer]);
  assert.ok((await decode(reading('first secret', signer), signed)).equals(mixed));
  await assert.rejects(encode(forms[3]!, mixed), { code: 'input/invalid' });
  await home.gpg(['--yes', '--delete-keys', signer]);
  assert.ok((await decode(reading('first secret'), signed)).equals(mixed));
  await assert.rejects(decode(reading('first secret', signer), signed), {
    code: 'repository/damaged',
    details: { signature: 'unknown-key' },
  });
});

test('a passphrase with a signature, and with options for gpg', needsGpg, async () => {
  await using home = await gpgHome();
  const signer = await home.generateKey('signer@example.org', '');
  const sign = { key: signer };
  const signing: Protection = {
    ...(withPassphrase('files', settings(home)) as object),
    sign,
  } as Protection;
  const stored = await encode(signing, mixed);
  assert.ok((await decode(signing, stored)).equals(mixed));
  // Who does not ask for a signature reads it as well.
  assert.ok((await decode(withPassphrase('files', settings(home)), stored)).equals(mixed));
  const unsigned = await encode(withPassphrase('files'), mixed);
  await assert.rejects(decode(signing, unsigned), { details: { signature: 'missing' } });
  const other = { ...signing, sign: { ...sign, passphrase: new Secret('another') } } as Protection;
  await assert.rejects(encode(other, mixed), { code: 'input/invalid' });
  const options = settings(home, {
    options: ['--cipher-algo=CAMELLIA256', '--compress-algo=bzip2'],
  });
  const special = await encode(withPassphrase('files', options), mixed);
  const list = await listPackets(home, 'files', special);
  assert.match(list, /cipher 13,[^]*compressed packet: algo=3/u);
  assert.ok((await decode(withPassphrase('files', options), special)).equals(mixed));
});

test('keys that cannot be used are named', needsGpg, async () => {
  await using home = await gpgHome();
  const good = await home.generateKey('good@example.org', 'secret');
  const to = (recipients: string[], key?: string): Protection => ({
    kind: 'keys',
    recipients,
    hiddenRecipients: [],
    ...(key === undefined ? {} : { sign: { key, passphrase: new Secret('wrong') } }),
    gpg: settings(home),
  });
  await assert.rejects(encode(to(['nobody@example.org']), mixed), (error) => {
    assert.ok(hasCode(error, 'input/invalid'));
    assert.match(error.message, /^The key "nobody@example.org" cannot be used to encrypt to: /u);
    return true;
  });
  const expired = ['--faked-system-time=20200101T000000!', '--passphrase', ''];
  await home.gpg([
    ...expired,
    '--quick-generate-key',
    'late@example.org',
    'default',
    'default',
    '1d',
  ]);
  await assert.rejects(encode(to(['late@example.org']), mixed), /it has expired or is not in/u);
  await home.forgetPassphrases();
  await assert.rejects(encode(to([good], good), mixed), {
    code: 'repository/wrong-passphrase',
    message: /^The passphrase does not open the key that signs/u,
  });
  // gpg would pass over it and sign with another one.
  await assert.rejects(encode(to([good], 'late@example.org'), mixed), { code: 'input/invalid' });
  const exported = await home.gpg(['--export', good]);
  await using foreign = await gpgHome();
  await foreign.gpg(['--import'], exported.output);
  const untrusted = { ...to([good]), gpg: settings(foreign) } as Protection;
  await assert.rejects(encode(untrusted, mixed), (error) => {
    assert.ok(hasCode(error, 'input/invalid'));
    assert.match(error.message, /it is not trusted/u);
    assert.match(error.hint ?? '', /--trust-model=always/u);
    return true;
  });
  const trusting = settings(foreign, { options: ['--trust-model=always'] });
  assert.ok((await encode({ ...to([good]), gpg: trusting } as Protection, mixed)).length > 0);
});

test('what was changed or cut off is not accepted from gpg', needsGpg, async () => {
  await using home = await gpgHome();
  const key = await home.generateKey('key@example.org', '');
  const protection: Protection = {
    kind: 'keys',
    recipients: [key],
    hiddenRecipients: [],
    sign: { key },
    gpg: settings(home),
  };
  const stored = await encode(protection, utf8('some data'));
  assert.equal((await decode(protection, stored)).toString(), 'some data');
  const check = async (changed: Uint8Array): Promise<void> => {
    await assert.rejects(decode(protection, changed), (error) => {
      assert.ok(error instanceof AppError, String(error));
      const codes = ['repository/damaged', 'repository/wrong-passphrase', 'process/failed'];
      assert.ok(codes.includes(error.code), error.message);
      return true;
    });
  };
  for (let length = 0; length < stored.length; length += 37)
    await check(stored.subarray(0, length));
  for (let index = 3; index < stored.length; index += 41) {
    const changed = Buffer.from(stored);
    changed[index]! ^= 4;
    await check(changed);
  }
  // Anybody can write these.
  const literal = await home.gpg(['--store', '--compress-algo=none'], utf8('forged'));
  await check(literal.output);
  await check(Buffer.concat([literal.output, stored]));
  await check(Buffer.concat([stored, literal.output]));
  await check(new Uint8Array(0));
  await check(utf8('no message at all'));
});
