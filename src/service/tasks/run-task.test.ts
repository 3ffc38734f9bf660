import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { runContext } from '#test/support/run-context.ts';
import type { TaskJob } from '../../model/job.ts';
import { AppError } from '../../base/errors.ts';
import { systemClock } from '../../base/clock.ts';
import { runTask } from './run-task.ts';
import { lockWorkDirectory } from './work-directory.ts';

let work = '';
before(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'run-task-'));
});
after(() => rm(work, { recursive: true }));

type Given = Omit<NonNullable<Parameters<typeof runContext>[1]>, 'directory'>;

async function run(job: Partial<TaskJob> & Pick<TaskJob, 'steps'>, given: Given = {}) {
  const made = runContext<TaskJob>(
    { kind: 'task', name: 'demo', workDirectory: work, ...job },
    given,
  );
  const end = await runTask(made.context);
  const steps = made
    .written()
    .map(({ name, outcome, exitStatus }) => `${name} ${outcome} ${exitStatus}`);
  return { end, steps, printed: made.printed(), written: made.written() };
}

describe('a task', () => {
  it('runs its steps in order, in one shell, and says which one it enters', async () => {
    const { end, steps, printed } = await run({
      steps: {
        finally: 'echo "$greeting finally in $PWD"',
        load: 'greet load; cd /',
        prepare: 'greeting=hello; greet() { echo "$greeting $1"; }',
        succeed: 'greet $TASK_RESULT',
        failed: 'echo never',
      },
    });
    assert.deepEqual(end, { outcome: 'succeeded' });
    assert.deepEqual(steps, [
      'prepare succeeded 0',
      'load succeeded 0',
      'succeed succeeded 0',
      'finally succeeded 0',
    ]);
    assert.equal(
      printed,
      [
        '---- task demo - start ----',
        'in execute_prepare',
        'in execute_extract',
        'in execute_transform',
        'in execute_load',
        'hello load',
        'in execute_succeed',
        'hello succeeded',
        'in execute_finally',
        'hello finally in /',
        '---- task demo - done ----',
        '',
      ].join('\n'),
    );
  });

  it('does nothing, successfully, without steps', async () => {
    assert.deepEqual((await run({ steps: {} })).end, { outcome: 'succeeded' });
  });

  for (const failing of ['prepare', 'extract', 'transform', 'load', 'succeed'] as const) {
    it(`runs failed and finally, and nothing more, when ${failing} fails`, async () => {
      const all = { prepare: ':', extract: ':', transform: ':', load: ':', succeed: ':' };
      const tell =
        'echo "$TASK_ID $TASK_STEP $TASK_RESULT $TASK_FAILED_STEP $TASK_EXIT_CODE $known|$TASK_ERROR"';
      const { end, steps, printed } = await run({
        steps: {
          ...all,
          [failing]: 'known=1; echo "it broke" >&2; (exit 7)',
          failed: tell,
          finally: tell,
        },
      });
      assert.equal(end.outcome, 'failed');
      const message = `Step "${failing}" of the task "demo" ended with status 7: it broke`;
      assert.deepEqual(end.problem, { code: 'process/failed', message });
      const ran = Object.keys(all).slice(0, Object.keys(all).indexOf(failing));
      assert.deepEqual(steps, [
        ...ran.map((name) => `${name} succeeded 0`),
        `${failing} failed 7`,
        'failed succeeded 0',
        'finally succeeded 0',
      ]);
      for (const step of ['failed', 'finally']) {
        assert.ok(printed.includes(`demo ${step} failed ${failing} 7 1|${message}\n`), printed);
      }
    });
  }

  it('runs finally when a step calls exit, is killed, replaces the shell or kills it', async () => {
    const table = [
      ['known=1; exit 3', /ended with status 3/u, '1'],
      ['known=1; sh -c "kill -KILL \\$\\$"', /ended with status 137/u, '1'],
      ['known=1; kill -KILL $$', /ended with its shell by signal 9/u, ''],
      ['known=1; exec true', /ended the shell, so the next steps cannot run/u, ''],
    ] as const;
    for (const [load, problem, known] of table) {
      const { end, printed } = await run({
        steps: {
          transform: load,
          load: 'echo never',
          finally: 'echo "finally:$known:$TASK_RESULT"',
        },
      });
      assert.equal(end.outcome, 'failed', load);
      assert.match(end.problem?.message ?? '', problem);
      assert.ok(printed.includes(`finally:${known}:failed\n`), printed);
      assert.ok(!printed.includes('never\n'), printed);
    }
  });

  it('runs finally when failed itself fails, and tells the first failure', async () => {
    const { end, steps } = await run({
      steps: { load: 'exit 3', failed: 'exit 4', finally: 'exit 5' },
    });
    assert.match(end.problem?.message ?? '', /"load".*status 3/u);
    assert.deepEqual(steps, ['load failed 3', 'failed failed 4', 'finally failed 5']);
  });

  it('has a warning when only finally fails', async () => {
    const { end } = await run({ steps: { load: ':', finally: 'exit 5' } });
    assert.equal(end.outcome, 'warned');
    assert.match(end.reason ?? '', /"finally".*status 5/u);
  });

  it('ends a step that takes too long; the limit is for each step', async () => {
    const { end, printed } = await run({
      stepTimeout: '1s',
      steps: { prepare: 'a=kept', load: 'sleep 1000', finally: 'echo "$a $TASK_ERROR"' },
    });
    assert.equal(end.outcome, 'failed');
    assert.equal(
      end.problem?.message,
      'Step "load" of the task "demo" took longer than 1 s and was ended',
    );
    assert.ok(printed.includes(`kept ${end.problem?.message}\n`), printed);
  });

  it('runs failed and finally when it is cancelled, then rejects with the reason', async () => {
    const stop = new AbortController();
    const reason = new AppError('interrupted', 'enough');
    const made = runContext<TaskJob>(
      {
        kind: 'task',
        name: 'demo',
        workDirectory: work,
        steps: {
          prepare: 'a=kept',
          load: 'echo loading; sleep 1000',
          succeed: 'echo never',
          failed: 'echo "failed $a $TASK_ERROR"',
          finally: 'echo finally',
        },
      },
      {
        signal: stop.signal,
        onText: (text) => {
          if (text.includes('loading')) stop.abort(reason);
        },
      },
    );
    await assert.rejects(runTask(made.context), reason);
    assert.match(made.printed(), /failed kept It was cancelled in step "load"\n.*finally\n/su);
    assert.deepEqual(
      made.written().map(({ name, outcome }) => `${name} ${outcome}`),
      ['prepare succeeded', 'load cancelled', 'failed succeeded', 'finally succeeded'],
    );
  });

  it('tells its last steps that the job took too long', async () => {
    const stop = new AbortController();
    const reason = new AppError('process/failed', 'The run took longer than 1 s');
    const made = runContext<TaskJob>(
      {
        kind: 'task',
        name: 'demo',
        workDirectory: work,
        steps: {
          load: 'echo loading; sleep 1000',
          finally: 'echo "$TASK_FAILED_STEP: $TASK_ERROR"',
        },
      },
      {
        signal: stop.signal,
        onText: (text) => {
          if (text.includes('loading')) stop.abort(reason);
        },
      },
    );
    await assert.rejects(runTask(made.context), reason);
    assert.match(made.printed(), /^load: The run took longer than 1 s$/mu);
  });

  it('says so where there is no bash', async () => {
    const { end, printed } = await run(
      { steps: { load: ':' } },
      { environment: { PATH: '/nowhere' } },
    );
    assert.equal(end.outcome, 'failed');
    assert.equal(end.problem?.message, 'Cannot start "bash": there is no such program');
    assert.match(printed, /Cannot start "bash"/u);
  });

  it('is strict unless it is told not to be', async () => {
    const steps = { load: 'false | true; false; echo on' };
    assert.equal((await run({ steps })).end.outcome, 'failed');
    assert.equal((await run({ steps, shell: 'plain' })).end.outcome, 'succeeded');
  });

  it('gives each run empty directories and keeps them afterwards', async () => {
    const steps = {
      prepare: 'ls -A "$SRC" "$DST"; echo "at $PWD"',
      load: 'echo data > "$SRC/file"; ln -s /etc "$DST/link"; mkdir "$DST/d"',
    };
    const first = await run({ steps, name: 'places' });
    assert.ok(first.printed.includes(`at ${work}\n`));
    assert.equal(await readFile(path.join(work, 'places/src/file'), 'utf8'), 'data\n');
    const entries = await readdir('/etc');
    const second = await run({ steps, name: 'places' });
    assert.equal(second.printed, first.printed);
    assert.deepEqual(await readdir('/etc'), entries);
  });

  it('does not empty what links lead to', async () => {
    const precious = path.join(work, 'precious');
    await mkdir(precious);
    await writeFile(path.join(precious, 'file'), 'x');
    await mkdir(path.join(work, 'linked'));
    await symlink(precious, path.join(work, 'linked/src'));
    const { end, printed } = await run({ steps: { load: 'echo never' }, name: 'linked' });
    assert.equal(end.outcome, 'failed');
    assert.match(end.problem?.message ?? '', /linked\/src" is not a directory/u);
    assert.ok(!printed.includes('never'));
    assert.deepEqual(await readdir(precious), ['file']);
  });

  it('does not begin where another process runs it', async () => {
    using _ = await lockWorkDirectory(work, 'twice', systemClock);
    const { end } = await run({ steps: { load: ':' }, name: 'twice' });
    assert.equal(end.outcome, 'failed');
    assert.equal(end.problem?.code, 'job/busy');
  });

  it('is in the journal as long as its shell lives, so that a dead run is cleaned up', async () => {
    const made = runContext<TaskJob>(
      { kind: 'task', name: 'demo', workDirectory: work, steps: { load: 'echo "pid $$"' } },
      {
        onText: (text) => {
          const pid = /pid (\d+)/u.exec(text)?.[1];
          if (pid !== undefined && seen.length === 0) seen = [pid, ...made.journal.values()];
        },
      },
    );
    let seen: unknown[] = [];
    await runTask(made.context);
    const [pid, entry] = seen as [string, { kind: string; data: { pid: number } }];
    assert.deepEqual([entry.kind, String(entry.data.pid)], ['program', pid]);
    assert.equal(made.journal.size, 0);
  });

  it('has the whole environment, and the global SRC and DST under other names', async () => {
    const { printed } = await run(
      { steps: { load: 'echo "$SRC $DST $GLOBAL_SRC $GLOBAL_DST $OTHER"; command -v dup' } },
      { environment: { SRC: '/data', DST: 'file:///b', OTHER: 'o' } },
    );
    assert.ok(printed.includes(`${work}/demo/src ${work}/demo/dst /data file:///b o\n`), printed);
    assert.match(printed, /\/bin\/image\/dup\n/u);
  });

  it('shows no secrets, neither as it goes nor in the record', async () => {
    const { printed, written, end } = await run(
      {
        steps: {
          load: 'echo "$PASSPHRASE"; printf %s "$DB" >&2; exit 1',
          finally: 'echo "e $TASK_ERROR"',
        },
      },
      { environment: { PASSPHRASE: 'hunter2hunter2', DB: 'mysql://u:geheim99@h/db' } },
    );
    const all = printed + JSON.stringify([written, end]);
    assert.ok(!all.includes('hunter2') && !all.includes('geheim99'), all);
    assert.ok(printed.includes('***\nmysql://u:***@h/db'), printed);
  });
});
