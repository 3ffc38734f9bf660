import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { hasCode } from './errors.ts';
import { failureOf, runProgram, startProgram } from './process.ts';

const shell = (script: string): string[] => ['sh', '-c', script];

test('runProgram() gives output and status, and passes input and arguments as they are', async () => {
  const result = await runProgram([...shell('printf "%s|" "$0" "$@"; cat'), 'a b', '$(c)', '*'], {
    input: Buffer.from('in'),
  });
  assert.equal(result.output.toString(), 'a b|$(c)|*|in');
  assert.equal(result.status, 0);
  assert.equal(failureOf(result), undefined);
});

test('environment and directory are those that were asked for', async () => {
  const options = { environment: { PATH: process.env['PATH'], WORD: 'x y' }, directory: '/' };
  const { output } = await runProgram(shell('echo "$WORD $PWD"'), options);
  assert.equal(output.toString(), 'x y /\n');
});

test('a failure is told with the last lines of standard error, without control characters', async () => {
  const script =
    'for i in $(seq 2000); do echo "line $i" >&2; done; printf "\\033[31mred\\n" >&2; exit 7';
  const result = await runProgram(shell(script));
  assert.equal(result.status, 7);
  const lines = result.lastWords.split('\n');
  assert.equal(lines.length, 10);
  assert.equal(lines.at(-1), '[31mred');
  assert.equal(lines.at(-2), 'line 2000');
  assert.match(failureOf(result) ?? '', /^it ended with status 7: /u);
  const killed = await runProgram(shell('kill -9 $$'));
  assert.equal(failureOf(killed), 'it was ended by SIGKILL');
});

test('a program that does not exist is an error that says so', async () => {
  await assert.rejects(runProgram(['no-such-program-anywhere']), {
    code: 'process/failed',
    message: 'Cannot start "no-such-program-anywhere": there is no such program',
  });
  await assert.rejects(runProgram(['/etc/passwd']), /may not be executed/u);
  await assert.rejects(runProgram([]), (error) => hasCode(error, 'process/failed'));
});

/** Whether a process still runs; one that is dead but not yet collected does not. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+[ZX]/mu.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function isGone(pid: string): Promise<boolean> {
  for (let round = 0; round < 200; round++) {
    if (!isRunning(pid)) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

test('an abort ends the program with its children and rejects with the reason', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  await using program = await startProgram(shell('sleep 60 & echo $!; wait'), {
    signal: controller.signal,
  });
  const pid = await new Promise<string>((resolve) => {
    program.output.once('data', (part: Buffer) => resolve(part.toString().trim()));
  });
  assert.ok(isRunning(pid));
  controller.abort(reason);
  await assert.rejects(program.ended, reason);
  assert.ok(await isGone(pid));
  await assert.rejects(startProgram(shell('true'), { signal: controller.signal }), reason);
});

test('a time limit ends even a program that does not want to', async () => {
  const script = 'trap "" TERM; echo started >&2; while :; do sleep 0.05; done';
  const result = await runProgram(shell(script), { timeLimit: 200, grace: 100 });
  assert.equal(result.timedOut, true);
  assert.equal(failureOf(result), 'it took too long and was ended: started');
});

test('leaving the block ends the program and its children, quickly', async () => {
  let pid = '';
  {
    await using program = await startProgram(shell('sleep 60 & echo $!; wait'));
    for await (const part of program.output) {
      pid = String(part).trim();
      break;
    }
    assert.ok(isRunning(pid));
  }
  assert.ok(await isGone(pid));
});

test('a program that stops reading is not an error in itself', async () => {
  const result = await runProgram(shell('exit 0'), { input: Buffer.alloc(10_000_000) });
  assert.equal(result.status, 0);
});

test('further descriptors are read and written', async () => {
  const heard: Buffer[] = [];
  const result = await runProgram(shell('cat <&3; echo told >&5; wc -c <&7'), {
    extraInputs: [
      { descriptor: 3, content: Buffer.from('three,') },
      { descriptor: 7, content: Buffer.alloc(1_000_000) },
    ],
    extraOutputs: [{ descriptor: 5, onOutput: (piece) => void heard.push(piece) }],
  });
  assert.equal(result.output.toString(), 'three,1000000\n');
  assert.equal(Buffer.concat(heard).toString(), 'told\n');
});

test('a program that leaves its further descriptors alone ends as usual', async () => {
  const result = await runProgram(shell('exec 3<&- 5>&-; exit 4'), {
    extraInputs: [{ descriptor: 3, content: Buffer.alloc(10_000_000) }],
    extraOutputs: [{ descriptor: 5, onOutput: () => assert.fail('nothing was written') }],
  });
  assert.equal(result.status, 4);
});

test('the end of a program itself is known while others hold its output', async () => {
  await using program = await startProgram(shell('sleep 1000 & exit 3'));
  assert.equal(await program.exited, 3);
  program.send('SIGTERM');
  // Now nobody holds it any more.
  assert.equal((await program.ended).status, 3);
});

test('a signal reaches a program and what it started', async () => {
  await using program = await startProgram(shell('sleep 1000'));
  program.send('SIGKILL');
  assert.equal(await program.exited, 128 + 9);
  assert.equal((await program.ended).killedBy, 'SIGKILL');
});
