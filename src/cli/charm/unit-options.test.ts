import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { givenUnit } from './unit-options.ts';

test('options that cannot be read are not quoted: there are secrets in them', async () => {
  await using directory = await temporaryDirectory();
  const context = {
    environment: {},
    workingDirectory: directory.path,
    signal: new AbortController().signal,
  };
  const flags = { root: directory.path, unit: 'app/0', options: 'options.yaml' };
  const isQuiet = async (given: ReturnType<typeof givenUnit>): Promise<void> =>
    await assert.rejects(given.options(), (error: Error) => {
      assert.match(error.message, /^Cannot read the options/u);
      assert.equal(error.message.includes('hunter2'), false, error.message);
      return true;
    });
  for (const secret of ['*hunter2', '"hunter2', '[hunter2', '|hunter2']) {
    await writeFile(
      path.join(directory.path, flags.options),
      `encryption_passphrase: ${secret}\nbackend: file\n`,
    );
    await isQuiet(givenUnit(flags, context));
  }
  const saved = givenUnit({ ...flags, options: undefined }, context);
  await mkdir(path.dirname(saved.files.options), { recursive: true });
  await writeFile(saved.files.options, '{"remote_password": hunter2}');
  await isQuiet(saved);
});
