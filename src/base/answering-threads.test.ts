import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, test } from 'node:test';

import {
  AnsweringThreads,
  type AnsweringThread,
  type ThreadFailures,
} from './answering-threads.ts';
import { hasCode } from './errors.ts';

const script = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', (question) => {
      if (question === 'fail') throw new RangeError('a failure');
      if (question === 'fail by a text') throw 'a text';
      if (question === 'end') parentPort.close();
      else if (question !== 'be silent') parentPort.postMessage(question);
    });`)}`,
);

type Threads = AnsweringThreads<unknown, unknown>;

function start(threads: Threads): AnsweringThread<unknown> {
  const thread = threads.start(script, {});
  thread.worker.on('message', (answer) => thread.waiting.shift()?.resolve(answer));
  return thread;
}

function twoThreads(failures: Partial<ThreadFailures> = {}) {
  const threads: Threads = new AnsweringThreads({ endedEarly: 'It ended early', ...failures });
  const [first, second] = [start(threads), start(threads)];
  return { threads, first, second, [Symbol.asyncDispose]: () => threads.terminate() };
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = {};
  return (await Promise.race([promise, setImmediate(pending)])) === pending;
}

describe('threads that answer', () => {
  test('answer in the order in which they were asked, and what is handed over is gone', async () => {
    await using two = twoThreads();
    const { threads, first, second } = two;
    const bytes = new Uint8Array(3);
    const answers = [
      threads.ask(first, bytes, [bytes.buffer]),
      threads.ask(first, 'one'),
      threads.ask(second, 'two'),
    ];
    assert.equal(bytes.length, 0);
    assert.deepEqual(await Promise.all(answers), [new Uint8Array(3), 'one', 'two']);
    assert.deepEqual(await threads.askAll('all'), ['all', 'all']);
  });

  test('the freest is that which has the fewest to answer, the first one of several', async () => {
    await using two = twoThreads();
    const { threads, first, second } = two;
    assert.equal(threads.freest(), first);
    void threads.ask(first, 'be silent');
    assert.equal(threads.freest(), second);
    void threads.ask(second, 'be silent');
    assert.equal(threads.freest(), first);
    assert.deepEqual(threads.all, [first, second]);
  });

  test('a question that cannot be posted is no question', async () => {
    await using two = twoThreads();
    const { threads, first } = two;
    await assert.rejects(
      threads.ask(first, () => 'a function'),
      { name: 'DataCloneError' },
    );
    assert.equal(await threads.ask(first, 'one'), 'one');
  });
});

describe('a failure', () => {
  test('is that of all that wait for any, and of whoever asks later; the first one stays', async () => {
    let calls = 0;
    await using two = twoThreads({ onFailure: () => calls++ });
    const { threads, first, second } = two;
    const waiting = [
      threads.ask(first, 'be silent'),
      threads.ask(first, 'be silent'),
      threads.ask(second, 'be silent'),
    ];
    assert.equal(threads.failure, undefined);
    const failure = new Error('the first');
    threads.fail(failure);
    threads.fail(new Error('the second'));
    assert.equal(threads.failure, failure);
    assert.equal(calls, 2);
    for (const answer of waiting) await assert.rejects(answer, failure);
    assert.deepEqual([first.waiting, second.waiting], [[], []]);
    await assert.rejects(threads.ask(second, 'one'), failure);
    await assert.rejects(threads.askAll('all'), failure);
  });

  test('by an error that a thread has not caught is that error, not the end that comes of it', async () => {
    await using two = twoThreads();
    const { threads, first, second } = two;
    const other = threads.ask(second, 'be silent');
    await assert.rejects(threads.ask(first, 'fail'), RangeError);
    await assert.rejects(other, { message: 'a failure' });
    while (first.worker.threadId !== -1) await setTimeout(1);
    await assert.rejects(threads.ask(first, 'one'), RangeError);
  });

  test('is told as the owner of the threads wants it; what was thrown is an error in any case', async () => {
    await using two = twoThreads({
      endedBy: (cause) => new Error('Told otherwise', { cause }),
    });
    const { threads, first } = two;
    await assert.rejects(threads.ask(first, 'fail by a text'), (error: Error) => {
      assert.equal(error.message, 'Told otherwise');
      assert.ok(error.cause instanceof Error);
      assert.equal(error.cause.message, 'a text');
      return true;
    });
  });

  test('is also the end of a thread before it was told to, for all', async () => {
    await using two = twoThreads();
    const { threads, first, second } = two;
    const isEarly = (error: unknown): boolean =>
      hasCode(error, 'internal') && error.message === 'It ended early';
    const other = threads.ask(second, 'be silent');
    await assert.rejects(threads.ask(first, 'end'), isEarly);
    await assert.rejects(other, isEarly);
    await assert.rejects(threads.ask(second, 'one'), isEarly);
  });
});

describe('the end of threads', () => {
  test('at once is waited for, and is no failure, even of those that wait', async () => {
    await using two = twoThreads();
    const { threads, first, second } = two;
    const waiting = threads.ask(first, 'be silent');
    await threads.terminate();
    assert.deepEqual([first.worker.threadId, second.worker.threadId], [-1, -1]);
    assert.ok(await isPending(waiting));
    assert.equal(threads.failure, undefined);
  });

  test('by a last message is waited for, comes after all answers, and is no failure', async () => {
    await using two = twoThreads();
    const { threads, first, second } = two;
    const answers = [threads.ask(first, 'one'), threads.ask(first, 'two')];
    await threads.close('end');
    assert.deepEqual([first.worker.threadId, second.worker.threadId], [-1, -1]);
    assert.deepEqual(await Promise.all(answers), ['one', 'two']);
    assert.equal(threads.failure, undefined);
  });

  test('does not wait for those that have ended before', { timeout: 60_000 }, async () => {
    await using two = twoThreads();
    const { threads, first, second } = two;
    await assert.rejects(threads.ask(first, 'fail'));
    while (first.worker.threadId !== -1) await setTimeout(1);
    await threads.close('end');
    assert.equal(second.worker.threadId, -1);
  });
});

describe('a program', () => {
  const run = (rest: string): string => {
    const program = `
      import { AnsweringThreads } from '${import.meta.dirname}/answering-threads.ts';
      const threads = new AnsweringThreads({ endedEarly: 'It ended early' });
      const { worker, waiting } = threads.start(new URL('${script.href.replaceAll("'", '%27')}'), {});
      worker.on('message', (answer) => waiting.shift()?.resolve(answer));
      process.on('exit', () => console.log('It ended'));
      ${rest}`;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', program],
      {
        timeout: 60_000,
      },
    );
    return stdout.toString() + stderr.toString();
  };

  test('goes on while there are threads', () => {
    const rest = `
      setTimeout(() => {
        console.log('It went on');
        void threads.terminate();
      }, 300).unref();`;
    assert.equal(run(rest), 'It went on\nIt ended\n');
  });

  test('may end before threads that it does not refer to, also when they are asked', () => {
    const rest = `
      worker.unref();
      void threads.ask(threads.freest(), 'be silent');
      setTimeout(() => console.log('It went on'), 300).unref();`;
    assert.equal(run(rest), 'It ended\n');
  });
});
