import assert from 'node:assert/strict';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { suite, test } from 'node:test';

import { type AppError, hasCode } from '../base/errors.ts';
import { systemClock } from '../base/clock.ts';
import { TransferRates } from '../storage/layers/throttling.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { followLimitFile, parseLimits } from './limit-file.ts';

/** Seconds take hundredths. */
const clock = {
  ...systemClock,
  sleep: (milliseconds: number, options?: { signal?: AbortSignal | undefined }) =>
    systemClock.sleep(milliseconds / 100, options),
};

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await systemClock.sleep(5);
}

void suite('a file of limits', { timeout: 60_000 }, () => {
  void test('names directions and sizes', () => {
    assert.deepEqual(parseLimits('upload 2M\ndownload off\n'), {
      upload: 2 * 1024 ** 2,
      download: 'off',
    });
    assert.deepEqual(parseLimits('# nights\n\ndownload = 500 k # slow\n'), {
      download: 500 * 1024,
    });
    for (const text of ['sideways 1M', 'upload', 'upload much', 'upload 0', 'download 1M 2M'])
      assert.throws(
        () => parseLimits(text),
        (error) => hasCode(error, 'input/invalid'),
        text,
      );
  });

  void test('is followed while it changes, and stays in force when it makes no sense', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'limits');
    await writeFile(file, 'upload 1M');
    const rates = new TransferRates({ download: 5 });
    const problems: AppError[] = [];
    using _following = await followLimitFile(file, rates, {
      clock,
      warn: (problem) => problems.push(problem),
    });
    assert.equal(rates.upload, 1024 ** 2);
    // What the file does not name stays as the destination or a flag has it.
    assert.equal(rates.download, 5);
    const write = async (text: string): Promise<void> => {
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
    };
    await write('upload 20k\ndownload 10k');
    await until(() => rates.download !== 5);
    assert.equal(rates.upload, 20 * 1024);
    await write('upload fast');
    await until(() => problems.length > 0);
    assert.equal(rates.upload, 20 * 1024);
    await rm(file);
    await until(() => problems.length > 1);
    await write('upload off');
    await until(() => rates.upload === undefined);
    assert.equal(rates.download, 5);
    assert.equal(problems.length, 2);
    assert.match(problems[0]!.message, /Cannot take the limits from ".*limits": "fast" is not/u);
  });

  void test('counts when it has been written to its end', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'limits');
    await writeFile(file, 'upload 1M');
    const rates = new TransferRates();
    const asked: (() => void)[] = [];
    const byHand = {
      ...systemClock,
      sleep: () => new Promise<void>((resolve) => asked.push(resolve)),
    };
    using _following = await followLimitFile(file, rates, {
      clock: byHand,
      warn: () => assert.fail('Nothing is wrong'),
    });
    const look = async (): Promise<void> => {
      asked.shift()!();
      await until(() => asked.length > 0);
    };
    await writeFile(file, '');
    await look();
    assert.equal(rates.upload, 1024 ** 2);
    await writeFile(file, 'upload 2M');
    await look();
    assert.equal(rates.upload, 1024 ** 2);
    await look();
    assert.equal(rates.upload, 2 * 1024 ** 2);
    await writeFile(file, '');
    await look();
    await look();
    assert.equal(rates.upload, undefined);
  });

  void test('is there from the beginning, or nothing begins', async () => {
    const rates = new TransferRates();
    await assert.rejects(
      followLimitFile('/nowhere/at/all', rates, { clock, warn: () => undefined }),
      /Cannot take the limits from "\/nowhere\/at\/all": there is no such file or directory$/u,
    );
  });
});
