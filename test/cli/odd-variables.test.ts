import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { codeCache } from '../support/code-cache.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const launcher = path.resolve(import.meta.dirname, '../../bin/holdfast');

test('variables that a shell could not name reach the program and what it starts', async () => {
  await using directory = await temporaryDirectory();
  const runProgram = async (program: string, ...argv: readonly string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(program, argv, {
      env: {
        PATH: process.env['PATH'],
        HOME: directory.path,
        HOLDFAST_STATE_DIR: path.join(directory.path, 'state'),
        CONF_TASKS_DIR: path.join(directory.path, 'tasks'),
        CONF_ETC_DIR: path.join(directory.path, 'etc'),
        CONF_WORK_DIR: path.join(directory.path, 'work'),
        'TASK_my-db_LOAD': 'printenv x-y\necho "has=$(printenv HOLDFAST_ODD_VARIABLES)"',
        'TASK_my-db_CRONTAB': '@daily',
        'x-y': 'of ä=b\nand c-d=e',
        ...codeCache,
      },
    });
    return stdout;
  };
  const run = (...argv: readonly string[]) => runProgram(launcher, ...argv);
  const shown = await run('config', 'show', '--environment');
  assert.match(shown, /^ {2}my-db:$/mu);
  const printed = /^of ä=b\nand c-d=e\nhas=$/mu;
  assert.match(await run('task', 'run', 'my-db'), printed);
  await run('image', 'setup');
  assert.match(await runProgram(path.join(directory.path, 'tasks/my-db.sh')), printed);
});
