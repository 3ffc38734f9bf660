import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';

import { membersOfGroup } from './process-group.ts';
import { type ShellStepEnd, TaskShell } from './task-shell.ts';

let directory = '';
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'task-shell-'));
});
after(() => rm(directory, { recursive: true }));

interface Ran extends ShellStepEnd {
  readonly output: string;
}

interface Trying {
  readonly strict?: boolean;
  readonly grace?: number;
  readonly timeLimit?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs all steps, whether they succeed or not. */
async function runAll(codes: readonly string[], how: Trying = {}): Promise<readonly Ran[]> {
  const { strict = true, grace = 1000, environment = {} } = how;
  await using shell = await TaskShell.start({
    environment: { PATH: process.env['PATH'], ...environment },
    directory,
    strict,
    grace,
  });
  const ends: Ran[] = [];
  for (const code of codes) {
    if (!shell.isAlive) break;
    const pieces: Buffer[] = [];
    const end = await shell.run({
      code,
      variables: {},
      timeLimit: how.timeLimit,
      onOutput: (piece) => pieces.push(piece),
    });
    ends.push({ ...end, output: Buffer.concat(pieces).toString('utf8') });
  }
  return ends;
}

const outputs = (ends: readonly Ran[]): readonly string[] => ends.map(({ output }) => output);
const statuses = (ends: readonly Ran[]): readonly number[] => ends.map(({ status }) => status);

describe('the shell of a task', () => {
  it('keeps variables, arrays, functions and the directory from step to step', async () => {
    const ends = await runAll([
      'plain=1; declare -A map=([a]=b); declare here=2; export OUT=3; f() { echo "f $1"; }; cd /',
      'echo "$plain ${map[a]} $here $OUT $PWD"; f x; sh -c \'echo "$OUT"\'',
    ]);
    assert.deepEqual(outputs(ends), ['', '1 b 2 3 /\nf x\n3\n']);
  });

  it('keeps them when a step fails by errexit, deep in a function', async () => {
    const ends = await runAll([
      'a=1; declare -a list=(x y); cd /',
      'b=2; g() { false; echo never; }; g; echo never',
      'echo "$a $b ${list[1]} $PWD"; false; echo never',
      'echo "again $a"',
    ]);
    assert.deepEqual(outputs(ends), ['', '', '1 2 y /\n', 'again 1\n']);
    assert.deepEqual(statuses(ends), [0, 1, 1, 0]);
  });

  it('ends a step, not itself, at exit and return', async () => {
    const ends = await runAll([
      'a=1; exit 7',
      'echo $a; return 3; echo never',
      'exit 0',
      'echo $a',
    ]);
    assert.deepEqual(statuses(ends), [7, 3, 0, 0]);
    assert.deepEqual(outputs(ends), ['', '1\n', '', '1\n']);
  });

  it('takes a failure inside a pipe for one', async () => {
    const [end] = await runAll(['false | cat; echo never']);
    assert.deepEqual([end?.status, end?.output], [1, '']);
  });

  it('is only as strict as it is told to be', async () => {
    const ends = await runAll(['false | cat; false; echo on', 'false'], { strict: false });
    assert.deepEqual(outputs(ends), ['on\n', '']);
    assert.deepEqual(statuses(ends), [0, 1]);
  });

  it('keeps the order of standard output and standard error', async () => {
    const [end] = await runAll(['for i in 1 2 3; do echo o$i; echo e$i >&2; done']);
    assert.equal(end?.output, 'o1\ne1\no2\ne2\no3\ne3\n');
  });

  it('knows what a step printed after its output was redirected for ever', async () => {
    const ends = await runAll(['exec 3>&1 >/dev/null 2>&1; echo hidden', 'echo shown >&3']);
    assert.deepEqual(outputs(ends), ['', 'shown\n']);
  });

  it('keeps what a step opened, such as a lock', async () => {
    const ends = await runAll(['exec 9>lock; echo kept >&9', 'echo more >&9; cat lock']);
    assert.equal(ends[1]?.output, 'kept\nmore\n');
  });

  it('gives steps no input to wait for', async () => {
    const [end] = await runAll(['cat; echo done']);
    assert.equal(end?.output, 'done\n');
  });

  it('is not confused by set -u, set -x, IFS and a step that does not end its line', async () => {
    const ends = await runAll([
      'set -ux; IFS=0; printf x',
      'printf y',
      '{ set +x; } 2>/dev/null; printf z',
    ]);
    assert.deepEqual(statuses(ends), [0, 0, 0]);
    assert.match(ends[1]?.output ?? '', /\+ printf y\ny$/u);
    assert.match(ends[2]?.output ?? '', /z$/u);
  });

  it('runs what a step set up for the end after the last one', async () => {
    const ends = await runAll([
      "trap 'echo bye > bye' EXIT",
      'echo still; ls bye 2>/dev/null || :',
    ]);
    assert.equal(ends[1]?.output, 'still\n');
    const [seen] = await runAll(['cat bye']);
    assert.equal(seen?.output, 'bye\n');
  });

  for (const name of ['TERM', 'HUP', 'INT', 'USR1'] as const) {
    it(`goes on with all it knows after a step that sends itself ${name}`, async () => {
      const ends = await runAll([`a=1; kill -${name} $$; echo never`, 'echo $a']);
      assert.notEqual(ends[0]?.status, 0);
      assert.equal(ends[0]?.shellDied, false);
      assert.deepEqual(outputs(ends), ['', '1\n']);
    });
  }

  it('says so when it is killed', async () => {
    const ends = await runAll(['echo before; kill -KILL $$; echo never', 'echo never']);
    assert.equal(ends.length, 1);
    assert.deepEqual(ends[0], {
      status: 137,
      timedOut: false,
      stopped: false,
      shellDied: true,
      output: 'before\n',
    });
  });

  it('says so when a step replaces it', async () => {
    const [end] = await runAll(["exec sh -c 'echo other; exit 4'"]);
    assert.deepEqual([end?.status, end?.shellDied, end?.output], [4, true, 'other\n']);
  });

  it('ends a step that takes too long, and goes on with all it knows', async () => {
    const ends = await runAll(['a=1; sleep 1000', 'echo $a'], { timeLimit: 400 });
    assert.deepEqual([ends[0]?.timedOut, ends[0]?.shellDied], [true, false]);
    // The shell tells how its program ended.
    assert.deepEqual(outputs(ends), ['Terminated\n', '1\n']);
  });

  it('ends a step that takes too long after others have ended the shell', async () => {
    const ends = await runAll(['a=1; exit 1', 'b=2; exit 1', 'c=3; sleep 1000', 'echo $a $b $c'], {
      timeLimit: 1000,
    });
    assert.deepEqual(
      ends.map(({ timedOut, shellDied }) => [timedOut, shellDied]),
      [
        [false, false],
        [false, false],
        [true, false],
        [false, false],
      ],
    );
    assert.equal(ends[3]?.output, '1 2 3\n');
  });

  it('ends a step that loops without a program', async () => {
    const ends = await runAll(['a=1; while :; do :; done', 'echo $a'], { timeLimit: 400 });
    assert.equal(ends[0]?.timedOut, true);
    assert.equal(ends[1]?.output, '1\n');
  });

  it('ends a program that does not want to end', async () => {
    const ends = await runAll(
      ['a=1; sh -c \'trap "" TERM; while :; do sleep 0.05; done\'', 'echo $a'],
      { timeLimit: 400, grace: 300 },
    );
    assert.equal(ends[0]?.timedOut, true);
    assert.equal(ends[1]?.output, '1\n');
  });

  it('is killed with all it started when it refuses to end a step', async () => {
    const ends = await runAll(["trap '' TERM; sleep 1000 & while :; do :; done"], {
      timeLimit: 300,
      grace: 200,
    });
    assert.deepEqual([ends[0]?.timedOut, ends[0]?.shellDied], [true, true]);
  });

  it('ends a step, and what that step left behind, at a signal', async () => {
    const stop = new AbortController();
    await using shell = await TaskShell.start({
      environment: process.env,
      directory,
      strict: true,
      grace: 1000,
    });
    let text = '';
    const end = await shell.run({
      code: `sh -c 'trap "" TERM; echo $$; exec sleep 1000' & sleep 1000`,
      variables: {},
      signal: stop.signal,
      onOutput: (piece) => {
        text += piece.toString();
        if (text.includes('\n')) stop.abort();
      },
    });
    assert.equal(end.stopped, true);
    // What is killed is there for another moment; if it was not, this would never end.
    const left = Number.parseInt(text, 10);
    while ((await membersOfGroup(shell.pid))?.includes(left) === true) await nextTurn();
    const next = await shell.run({ code: ':', variables: {}, onOutput: () => undefined });
    assert.deepEqual([next.status, next.shellDied], [0, false]);
  });

  it('does not wait for what a step leaves behind on purpose', async () => {
    let group = 0;
    {
      await using shell = await TaskShell.start({
        environment: process.env,
        directory,
        strict: true,
      });
      let text = '';
      await shell.run({
        code: 'sleep 1000 & echo $$',
        variables: {},
        onOutput: (piece) => (text += piece.toString()),
      });
      group = Number(text);
    }
    const left = await membersOfGroup(group);
    assert.equal(left?.length, 1);
    process.kill(left[0]!, 'SIGKILL');
  });

  it('hands over variables with anything in them', async () => {
    let text = '';
    await using shell = await TaskShell.start({
      environment: process.env,
      directory,
      strict: true,
    });
    await shell.run({
      code: 'printf %s "$ODD"; sh -c \'printf %s "$ODD"\'',
      variables: { ODD: `it's "$HOME" \n\\ ü` },
      onOutput: (piece) => (text += piece.toString()),
    });
    assert.equal(text, `it's "$HOME" \n\\ ü`.repeat(2));
  });

  it('prints what only looks like one of its marks', async () => {
    const [end] = await runAll([String.raw`printf 'a\036b\036c\036ffff e 0\036\036'`]);
    assert.equal(end?.output, 'a\u{1E}b\u{1E}c\u{1E}ffff e 0\u{1E}\u{1E}');
  });

  it('prints a great deal without losing any', async () => {
    const [end] = await runAll(['seq 1 200000']);
    assert.equal(end?.output.length, 1288895);
  });
});
