import assert from 'node:assert/strict';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { apiToken, apiTokenFile } from './api-token.ts';

describe('the token of the API', () => {
  test('is made once, for its owner alone', async () => {
    await using directory = await temporaryDirectory();
    const state = path.join(directory.path, 'state');
    const tokens = await Promise.all([1, 2, 3, 4].map(() => apiToken(state, {})));
    assert.equal(new Set(tokens.map((token) => token.reveal())).size, 1);
    assert.match(tokens[0]!.reveal(), /^[0-9a-f]{64}$/u);
    assert.equal((await stat(apiTokenFile(state))).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(state), ['api-token']);
    assert.equal((await apiToken(state, {})).reveal(), tokens[0]!.reveal());
    assert.equal(await readFile(apiTokenFile(state), 'utf8'), `${tokens[0]!.reveal()}\n`);
  });

  test('may be given', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'given');
    await writeFile(file, 'a token of my own\n'.replaceAll(' ', '-'));
    const given = { HOLDFAST_API_TOKEN_FILE: file };
    assert.equal((await apiToken(directory.path, given)).reveal(), 'a-token-of-my-own');
    const plain = { HOLDFAST_API_TOKEN: '0123456789abcdef' };
    assert.equal((await apiToken(directory.path, plain)).reveal(), '0123456789abcdef');
    assert.deepEqual(await readdir(directory.path), ['given']);
    await assert.rejects(apiToken(directory.path, { ...given, ...plain }), /given twice/u);
  });

  test('is refused where it protects nothing, and never told', async () => {
    await using directory = await temporaryDirectory();
    for (const text of ['', 'short', 'has blanks in the middle'])
      await assert.rejects(
        apiToken(directory.path, { HOLDFAST_API_TOKEN: text }),
        (error: Error) => {
          assert.match(error.message, /must have at least 16 characters/u);
          assert.ok(text === '' || !error.message.includes(text));
          return true;
        },
      );
    await assert.rejects(
      apiToken(directory.path, { HOLDFAST_API_TOKEN_FILE: '/nowhere/token' }),
      /"\/nowhere\/token" of "HOLDFAST_API_TOKEN_FILE" is not there/u,
    );
    await writeFile(apiTokenFile(directory.path), '');
    await assert.rejects(apiToken(directory.path, {}), /must have at least 16/u);
  });

  test('cannot be kept where nothing can be written', async () => {
    await using directory = await temporaryDirectory();
    await writeFile(path.join(directory.path, 'file'), '');
    await chmod(directory.path, 0o700);
    await assert.rejects(apiToken(path.join(directory.path, 'file', 'state'), {}), {
      code: /local\/unwritable|input\/invalid/u,
    });
  });
});
