import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { AppError, hasCode } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { Secret } from '../../../base/secret.ts';
import {
  decode,
  encode,
  mixed,
  needsGpg,
  piecesOf,
  settings,
} from '../../../../test/support/file-codings.ts';
import { gpgHome } from '../../../../test/support/gpg-home.ts';
import { FileCoding } from './file-coding.ts';
import type { Protection } from './protection.ts';

test('gpg that dies, is no gpg or is not there ends with an error', needsGpg, async () => {
  await using home = await gpgHome();
  const key = await home.generateKey('key@example.org', '');
  const by = (program: string, options: readonly string[] = []): Protection => ({
    kind: 'keys',
    recipients: [key],
    hiddenRecipients: [],
    gpg: settings(home, { program, options }),
  });
  const large = systemRandom(8_000_000);
  for (const work of [encode, decode]) {
    await assert.rejects(work(by('no-such-gpg'), large), {
      code: 'process/failed',
      hint: 'Check that it is installed and in the PATH',
    });
    await assert.rejects(work(by('true'), large), /does not tell the version of a GnuPG/u);
    await assert.rejects(work(by('gpg', ['--no-such-option']), large), /invalid option/u);
    // It passes the question for the version and fails afterwards, without reading.
    await assert.rejects(work(by('gpg', ['--keyring', '/nowhere/at/all']), large), (error) =>
      hasCode(error),
    );
  }
});

test('an abort ends gpg', needsGpg, async () => {
  await using home = await gpgHome();
  const key = await home.generateKey('key@example.org', '');
  const protection: Protection = {
    kind: 'keys',
    recipients: [key],
    hiddenRecipients: [],
    gpg: settings(home),
  };
  const stored = await encode(protection, mixed);
  const reason = new Error('enough');
  const controller = new AbortController();
  const { signal } = controller;
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield* piecesOf(stored.subarray(0, -1000), 10_000);
    controller.abort(reason);
    await new Promise(() => undefined);
  }
  await assert.rejects(async () => {
    const files = new FileCoding(protection).decode(endless(), 'openpgp', { signal });
    for await (const piece of files) assert.ok(piece.length > 0);
  }, reason);
  await assert.rejects(
    new FileCoding(protection).encoder('openpgp', () => undefined, { signal }),
    reason,
  );
  const second = new AbortController();
  await using encoder = await new FileCoding(protection).encoder('openpgp', () => undefined, {
    signal: second.signal,
  });
  await encoder.write(mixed);
  second.abort(reason);
  await assert.rejects(encoder.finish(), reason);
  await assert.rejects(encoder.write(mixed), reason);
});

test('what fails around gpg comes out as it is', needsGpg, async () => {
  await using home = await gpgHome();
  const key = await home.generateKey('key@example.org', '');
  const protection: Protection = {
    kind: 'keys',
    recipients: [key],
    hiddenRecipients: [],
    gpg: settings(home),
  };
  const stored = await encode(protection, mixed);
  const failure = new AppError('storage/unavailable', 'The line is dead');
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield* piecesOf(stored.subarray(0, 100_000), 10_000);
    throw failure;
  }
  await assert.rejects(async () => {
    for await (const piece of new FileCoding(protection).decode(failing(), 'openpgp')) {
      assert.ok(piece.length > 0);
    }
  }, failure);
  await using encoder = await new FileCoding(protection).encoder('openpgp', () => {
    throw failure;
  });
  await assert.rejects(async () => {
    for (let round = 0; round < 100; round++) await encoder.write(systemRandom(100_000));
    await encoder.finish();
  }, failure);
  // Who does not read to the end ends gpg.
  for await (const piece of new FileCoding(protection).decode(piecesOf(stored, 999), 'openpgp')) {
    assert.ok(piece.length > 0);
    break;
  }
});

test('secrets are in no argument and in no environment', needsGpg, async () => {
  await using home = await gpgHome();
  const key = await home.generateKey('key@example.org', 'very secret');
  const protection: Protection = {
    kind: 'keys',
    recipients: [key],
    hiddenRecipients: [],
    passphrase: new Secret('very secret'),
    sign: { key },
    gpg: settings(home),
  };
  await home.forgetPassphrases();
  let looked = 0;
  const look = (): void => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/u.test(name))) {
      try {
        const text = `${readFileSync(`/proc/${pid}/cmdline`, 'latin1')}${readFileSync(`/proc/${pid}/environ`, 'latin1')}`;
        if (!text.includes(home.path)) continue;
        looked++;
        assert.ok(!text.includes('very secret'));
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
      }
    }
  };
  const stored: Uint8Array[] = [];
  await using encoder = await new FileCoding(protection).encoder('openpgp', (bytes) => {
    stored.push(bytes);
  });
  await encoder.write(mixed);
  look();
  await encoder.finish();
  assert.ok(looked > 0);
});

test('an agent that does not help is told apart from a wrong passphrase', needsGpg, async () => {
  await using home = await gpgHome();
  const key = await home.generateKey('key@example.org', 'secret');
  const by = (more: { useAgent?: boolean } = {}): Protection => ({
    kind: 'keys',
    recipients: [key],
    hiddenRecipients: [],
    passphrase: new Secret('secret'),
    sign: { key },
    gpg: settings(home, more),
  });
  const stored = await encode(by(), mixed);
  // It still knows the passphrase.
  assert.ok((await decode(by({ useAgent: true }), stored)).equals(mixed));
  await home.forgetPassphrases();
  const rejects = async (protection: Protection): Promise<void> => {
    for (const work of [() => decode(protection, stored), () => encode(protection, mixed)]) {
      await assert.rejects(work, (error) => {
        assert.ok(hasCode(error, 'process/failed'), String(error));
        assert.match(error.message, /because its agent did not help/u);
        return true;
      });
    }
  };
  // Nobody is there who could be asked.
  await rejects(by({ useAgent: true }));
  await writeFile(path.join(home.path, 'gpg-agent.conf'), 'no-allow-loopback-pinentry\n');
  await home.forgetPassphrases();
  await rejects(by());
  await writeFile(path.join(home.path, 'gpg.conf'), 'agent-program /bin/false\n');
  await home.forgetPassphrases();
  await rejects(by());
});
