import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { resolveFileVariables } from './file-variables.ts';

let directory = '';
const at = (name: string): string => path.join(directory, name);
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'file-variables-'));
  await writeFile(at('plain'), 'value');
  await writeFile(at('line'), 'value\n');
  await writeFile(at('windows'), 'value\r\n');
  await writeFile(at('lines'), 'value\n\n\n');
  await writeFile(at('other'), 'other');
  await writeFile(at('binary'), 'a\0b');
  await mkdir(at('directory'));
});
after(() => rm(directory, { recursive: true }));

describe('variables that are given by files', () => {
  for (const name of ['plain', 'line', 'windows']) {
    it(`have the content of the file without one newline at its end (${name})`, async () => {
      const { environment, files, warnings } = await resolveFileVariables({
        FILE__ANY_NAME: at(name),
        PASSPHRASE_FILE: at(name),
      });
      assert.equal(environment['ANY_NAME'], 'value');
      assert.equal(environment['PASSPHRASE'], 'value');
      assert.deepEqual(
        [...files],
        [
          ['ANY_NAME', at(name)],
          ['PASSPHRASE', at(name)],
        ],
      );
      assert.deepEqual(warnings, []);
    });
  }

  it('are warned about when there are more newlines', async () => {
    const { environment, warnings } = await resolveFileVariables({ FILE__X: at('lines') });
    assert.equal(environment['X'], 'value\n\n');
    assert.match(
      warnings.join('|'),
      /^The file ".*lines" of "FILE__X" ends with more than one newline/u,
    );
  });

  it('stay as they were when the file is not there; the variable is named', async () => {
    const { environment, files, warnings } = await resolveFileVariables({
      FILE__X: at('nothing'),
      X: 'plain',
      PASSPHRASE_FILE: at('nothing'),
    });
    assert.deepEqual(
      [environment['X'], environment['PASSPHRASE'], files.size],
      ['plain', undefined, 0],
    );
    assert.deepEqual(warnings, [
      `The file "${at('nothing')}" of "FILE__X" is not there`,
      `The file "${at('nothing')}" of "PASSPHRASE_FILE" is not there`,
    ]);
  });

  it('count more than the plain variable if they are given by FILE__', async () => {
    const { environment } = await resolveFileVariables({ FILE__X: at('plain'), X: 'before' });
    assert.equal(environment['X'], 'value');
  });

  it('may be given twice only if they are the same', async () => {
    const same = {
      FILE__DB_PASSWORD: at('line'),
      DB_PASSWORD_FILE: at('plain'),
      DB_PASSWORD: 'value',
    };
    assert.equal((await resolveFileVariables(same)).environment['DB_PASSWORD'], 'value');
    for (const environment of [
      { FILE__DB_PASSWORD: at('line'), DB_PASSWORD_FILE: at('other') },
      { DB_PASSWORD_FILE: at('other'), DB_PASSWORD: 'value' },
    ]) {
      await assert.rejects(resolveFileVariables(environment), {
        code: 'input/invalid',
        message:
          /^"DB_PASSWORD" is given twice, with different values: by "[A-Z_]+" and by "[A-Z_]+"$/u,
      });
    }
  });

  it('are a clear error when the file cannot be read', async () => {
    await assert.rejects(resolveFileVariables({ FILE__X: at('directory') }), {
      code: 'input/invalid',
      message: `Cannot read the file "${at('directory')}" of "FILE__X": it is a directory`,
    });
    await assert.rejects(resolveFileVariables({ FILE__X: at('binary') }), {
      message: `The file "${at('binary')}" of "FILE__X" is not a text`,
    });
    const unreadable = Object.assign(new Error('EACCES'), { code: 'EACCES' });
    await assert.rejects(
      resolveFileVariables({ FILE__X: '/secret' }, { readFile: () => Promise.reject(unreadable) }),
      { message: 'Cannot read the file "/secret" of "FILE__X": it may not be read' },
    );
    if (process.getuid?.() !== 0) {
      await chmod(at('other'), 0);
      await assert.rejects(resolveFileVariables({ FILE__X: at('other') }), /it may not be read/u);
    }
  });

  it('are left alone where a file is what is meant', async () => {
    const given = {
      AWS_SHARED_CREDENTIALS_FILE: at('nothing'),
      AWS_WEB_IDENTITY_TOKEN_FILE: at('plain'),
      HOLDFAST_PASSPHRASE_FILE: at('plain'),
      SSL_CERT_FILE: at('plain'),
      MY_LOG_FILE: at('nothing'),
    };
    const { environment, warnings } = await resolveFileVariables(given);
    assert.deepEqual(environment, given);
    assert.deepEqual(warnings, []);
  });
});
