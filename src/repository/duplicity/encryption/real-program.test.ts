import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { failureOf, runProgram } from '../../../base/process.ts';
import { Secret } from '../../../base/secret.ts';
import { missingPrograms } from '../../../../test/servers/required-programs.ts';
import { decode, encode, settings, withPassphrase } from '../../../../test/support/file-codings.ts';
import { gpgHome } from '../../../../test/support/gpg-home.ts';
import { temporaryDirectory } from '../../../../test/support/temporary-directory.ts';
import type { Protection } from './protection.ts';

const needsDuplicity = { skip: missingPrograms(['duplicity', 'gpg', 'gpgconf']) };
const fixture = path.resolve('test/fixtures/duplicity/symmetric/dest');
const original = withPassphrase('fixture pass phrase');

/** Codes the files of an archive anew; the hashes of volumes in the manifests follow. */
async function recode(folder: string, protection: Protection): Promise<void> {
  const hashes = new Map<string, string>();
  const sha1 = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
  const names = await readdir(fixture);
  // Volumes first.
  names.sort((one, other) => Number(one.includes('manifest')) - Number(other.includes('manifest')));
  for (const name of names) {
    const stored = await readFile(path.join(fixture, name));
    let plain = await decode(original, stored);
    if (name.includes('manifest')) {
      const text = plain
        .toString('latin1')
        .replaceAll(/[0-9a-f]{40}/gu, (hash) => hashes.get(hash) ?? hash);
      plain = Buffer.from(text, 'latin1');
    }
    const coded = await encode(protection, plain);
    hashes.set(sha1(stored), sha1(coded));
    await writeFile(path.join(folder, name), coded);
  }
}

test('the real program restores what was coded here', needsDuplicity, async () => {
  await using home = await gpgHome();
  await using directory = await temporaryDirectory();
  const signer = await home.generateKey('signer@example.org', 'pass phrase');
  const keys: Protection = {
    kind: 'keys',
    recipients: [signer],
    hiddenRecipients: [],
    passphrase: new Secret('pass phrase'),
    sign: { key: signer },
    gpg: settings(home),
  };
  const forms: readonly (readonly [string, Protection, readonly string[]])[] = [
    ['symmetric', withPassphrase('pass phrase'), []],
    ['keys', keys, ['--encrypt-key', signer, '--sign-key', signer]],
  ];
  for (const [name, protection, options] of forms) {
    const folder = path.join(directory.path, name);
    const target = path.join(directory.path, `${name}-restored`);
    await mkdir(folder);
    await recode(folder, protection);
    const result = await runProgram(
      [
        'duplicity',
        'restore',
        '--name',
        name,
        '--archive-dir',
        path.join(directory.path, 'cache'),
        ...options,
        `file://${folder}`,
        target,
      ],
      {
        environment: {
          ...home.environment,
          PASSPHRASE: 'pass phrase',
          SIGN_PASSPHRASE: 'pass phrase',
          TMPDIR: directory.path,
        },
      },
    );
    assert.equal(failureOf(result), undefined);
    const restored = await readdir(target, { recursive: true });
    assert.ok(restored.length >= 60, String(restored.length));
  }
});
