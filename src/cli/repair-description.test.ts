import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { createSmall, machine } from '#test/support/small-repository.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../base/clock.ts';
import { FileStorage } from '../storage/drivers/file/file.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import type { Output } from './output/output.ts';
import { repairDescription } from './repair-description.ts';
import type { CommandSession } from './session.ts';

test('a "holdfast" that can be read again when it is to be written stays as it is', async () => {
  await using directory = await temporaryDirectory();
  const repository = `${directory.path}/repository`;
  await createSmall(await FileStorage.open(repository), machine(directory.path));
  const file = `${repository}/holdfast`;
  const sound = await readFile(file);
  await writeFile(file, 'something else');
  const lines: string[] = [];
  const session = {
    clock: systemClock,
    signal: new AbortController().signal,
    environment: {},
    output: {
      report: () => undefined,
      object: () => undefined,
      line: (text: string) => void lines.push(text),
    } as Partial<Output> as Output,
    // Somebody copies it back while the question is on the screen.
    confirm: async () => {
      await writeFile(file, sound);
      return true;
    },
  } as Partial<CommandSession> as CommandSession;
  const flags = {
    'insecure-no-passphrase': true,
    option: [],
  } as Partial<GlobalFlagValues> as GlobalFlagValues;
  await repairDescription(repository, flags, session, { dryRun: false, yes: false });
  assert.equal(lines.length, 1, 'nothing is told to be written');
  assert.deepEqual(await readFile(file), sound);
});
