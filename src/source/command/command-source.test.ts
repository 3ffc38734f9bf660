import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';

import { readCommand, readStandardInput } from './command-source.ts';

const shell = (script: string): string[] => ['sh', '-c', script];

async function read(parts: AsyncIterable<Buffer>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(parts)).toString();
}

test('the output of a command is read to its end', async () => {
  assert.equal(await read(readCommand(shell('echo one; sleep 0.1; echo two'))), 'one\ntwo\n');
  const large = await read(readCommand(shell('head -c 3000000 /dev/zero')));
  assert.equal(large.length, 3_000_000);
});

test('a command gets no input and cannot wait for any', async () => {
  assert.equal(await read(readCommand(['cat'])), '');
});

test('a dump that breaks off never looks complete', async () => {
  await assert.rejects(read(readCommand(shell('echo half; echo "disk error" >&2; exit 3'))), {
    code: 'source/command-failed',
    message: 'The command "sh" failed: it ended with status 3: disk error',
  });
  await assert.rejects(read(readCommand(shell('echo half; kill -9 $$'))), {
    code: 'source/command-failed',
    message: 'The command "sh" failed: it was ended by SIGKILL',
  });
  // The status comes after the output has ended: both are waited for.
  await assert.rejects(read(readCommand(shell('exec >&-; sleep 0.2; exit 4'))), /status 4/u);
  await assert.rejects(read(readCommand(['no-such-program-anywhere'])), {
    code: 'source/command-failed',
    message: 'Cannot start "no-such-program-anywhere": there is no such program',
  });
});

test('an abort ends a command that says nothing', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  setTimeout(() => controller.abort(reason), 50);
  await assert.rejects(read(readCommand(['sleep', '60'], { signal: controller.signal })), reason);
});

test('a reader that stops early ends the command', async () => {
  for await (const part of readCommand(['yes'])) {
    assert.ok(part.length > 0);
    break;
  }
});

test('standard input is read to its end; its failure is an error', async () => {
  const input = Readable.from([Buffer.from('a'), Buffer.from('b')]);
  assert.equal(await read(readStandardInput({ input })), 'ab');
  const cause = new Error('broken');
  const broken = new Readable({
    read() {
      this.destroy(cause);
    },
  });
  await assert.rejects(read(readStandardInput({ input: broken })), {
    code: 'source/unreadable',
    cause,
  });
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  await assert.rejects(
    read(readStandardInput({ input: new Readable({ read() {} }), signal })),
    reason,
  );
});
