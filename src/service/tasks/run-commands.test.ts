import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';

import { runContext } from '#test/support/run-context.ts';
import type { CommandsJob, JobCommand } from '../../model/job.ts';
import { runCommands } from './run-commands.ts';

type Given = NonNullable<Parameters<typeof runContext>[1]>;

async function run(commands: readonly JobCommand[], given: Given = {}) {
  const made = runContext<CommandsJob>({ kind: 'commands', name: 'daily', commands }, given);
  const end = await runCommands(made.context);
  return { end, printed: made.printed(), steps: made.written() };
}

const requests: string[] = [];
let answer = 200;
const server = createServer((request, response) => {
  requests.push(`${request.method} ${request.url}`);
  response.writeHead(answer).end('OK');
});
let address = '';
before(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

describe('commands', () => {
  it('run one after the other; one that fails does not stop the others', async () => {
    const { end, printed, steps } = await run([
      { name: '100', command: 'echo one; echo err >&2; echo two' },
      { name: '200', command: 'echo bad; exit 3' },
      { name: '300', command: 'echo last' },
    ]);
    assert.equal(end.outcome, 'failed');
    assert.equal(end.reason, 'Command 200 failed: it ended with status 3');
    assert.deepEqual(
      steps.map((step) => [step.name, step.outcome, step.exitStatus, step.output]),
      [
        ['100: echo one; echo err >&2; echo two', 'succeeded', 0, 'one\nerr\ntwo\n'],
        ['200: echo bad; exit 3', 'failed', 3, 'bad\n'],
        ['300: echo last', 'succeeded', 0, 'last\n'],
      ],
    );
    assert.match(printed, /one\nerr\ntwo\n.*bad\n.*last\nAt least one job failed\n$/su);
  });

  it('are none: then there is nothing to do, and that is fine', async () => {
    const { end, printed } = await run([]);
    assert.deepEqual([end.outcome, printed], ['succeeded', 'Nothing to do\n']);
  });

  it('have known variables put into them, unknown ones are left to the shell', async () => {
    const { steps } = await run(
      [
        {
          name: '1',
          command: "echo '$KNOWN' '${KNOWN}x' '$UNKNOWN' '$$KNOWN'; UNKNOWN=u; echo $UNKNOWN",
        },
      ],
      { environment: { KNOWN: 'k' } },
    );
    assert.equal(steps[0]?.output, 'k kx $UNKNOWN $KNOWN\nu\n');
  });

  it('keep secrets out of arguments, output and record', async () => {
    const { steps, printed } = await run(
      [
        {
          name: '1',
          command: 'echo "$MY_PASSWORD"; tr "\\0" " " < /proc/$$$$/cmdline | grep -c hunter2; :',
        },
      ],
      { environment: { MY_PASSWORD: 'hunter2hunter2' } },
    );
    assert.ok(!JSON.stringify([steps, printed]).includes('hunter2hunter2'), printed);
    assert.match(steps[0]?.output ?? '', /^\*\*\*\n0\n$/u);
  });

  it('are skipped when they say so', async () => {
    const some = await run([
      { name: '1', command: 'exit 75' },
      { name: '2', command: ':' },
    ]);
    assert.equal(some.end.outcome, 'succeeded');
    assert.equal(some.steps[0]?.outcome, 'skipped');
    assert.equal((await run([{ name: '1', command: 'exit 75' }])).end.outcome, 'skipped');
  });

  it('may be chosen', async () => {
    const commands = ['100', '200', '300'].map((name) => ({ name, command: `echo ${name}` }));
    const { steps } = await run(commands, { parameters: { only: '300,100' } });
    assert.deepEqual(
      steps.map(({ output }) => output),
      ['100\n', '300\n'],
    );
    await assert.rejects(run(commands, { parameters: { only: '20' } }), {
      code: 'input/invalid',
      message: 'The job "daily" has no command "20"',
      hint: 'Did you mean "200"?',
    });
  });

  it('are in the journal as long as they work, so that a dead run is cleaned up', async () => {
    const made = runContext<CommandsJob>({
      kind: 'commands',
      name: 'daily',
      // It waits for the end of its input.
      commands: [{ name: '1', command: 'echo $$$$; cat' }],
    });
    await runCommands(made.context);
    const pid = Number(made.written()[0]?.output);
    assert.deepEqual(
      made.journalled.map(({ kind, data }) => [kind, data['pid']]),
      [['program', pid]],
    );
    assert.equal(made.journal.size, 0);
  });

  it('find our own commands', async () => {
    const { steps } = await run([
      { name: '1', command: 'for c in backup dup execute-restore; do command -v $c; done' },
    ]);
    const names = ['backup', 'dup', 'execute-restore'].map((name) => `bin/image/${name}\n`);
    for (const name of names) assert.ok(steps[0]?.output?.includes(name), steps[0]?.output);
  });

  it('end when they are cancelled', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const made = runContext<CommandsJob>(
      {
        kind: 'commands',
        name: 'daily',
        commands: [
          { name: '1', command: 'echo begun; sleep 1000' },
          { name: '2', command: 'echo never' },
        ],
      },
      { signal: stop.signal, onText: (text) => text.includes('begun\n') && stop.abort(reason) },
    );
    await assert.rejects(runCommands(made.context), reason);
    assert.deepEqual(
      made.written().map(({ outcome, output }) => [outcome, output]),
      [['cancelled', 'begun\n']],
    );
  });

  it('are pinged for one by one, at start and end, with one id', async () => {
    requests.length = 0;
    const { end } = await run([
      {
        name: '1',
        command: 'exit 2',
        healthchecksUrl: `${address}/one/`,
        uptimeKumaUrl: `${address}/push/a?status=up&x=1`,
      },
      {
        name: '2',
        command: ':',
        healthchecksUrl: `${address}/two`,
        uptimeKumaUrl: `${address}/push/b`,
      },
    ]);
    assert.equal(end.outcome, 'failed');
    const [start1, fail1, kuma1, start2, good2, kuma2, ...more] = requests;
    assert.deepEqual(more, []);
    const id = /rid=([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})$/u;
    const first = id.exec(start1 ?? '')?.[1];
    const second = id.exec(start2 ?? '')?.[1];
    assert.notEqual(first, second);
    assert.equal(start1, `GET /one/start?rid=${first}`);
    assert.equal(fail1, `GET /one/fail?rid=${first}`);
    assert.equal(start2, `GET /two/start?rid=${second}`);
    assert.equal(good2, `GET /two?rid=${second}`);
    assert.match(
      kuma1 ?? '',
      /^GET \/push\/a\?status=down&msg=Command\+1\+failed%3A\+it\+ended\+with\+status\+2&ping=\d+$/u,
    );
    assert.match(kuma2 ?? '', /^GET \/push\/b\?status=up&msg=OK&ping=\d+$/u);
  });

  it('are as good when nobody hears the pings; that is noted', async () => {
    answer = 500;
    const { end, steps } = await run([
      {
        name: '1',
        command: ':',
        healthchecksUrl: `${address}/token-one`,
        uptimeKumaUrl: 'http://127.0.0.1:1/push/token-two',
      },
    ]);
    answer = 200;
    assert.equal(end.outcome, 'succeeded');
    const [start, good, kuma] = steps[0]?.warnings ?? [];
    const host = new URL(address).host;
    assert.equal(start, `Cannot ping Healthchecks at ${host}: it answered with status 500`);
    assert.equal(good, start);
    assert.match(kuma ?? '', /^Cannot ping Uptime Kuma at 127\.0\.0\.1:1: /u);
    assert.ok(!JSON.stringify(steps).includes('token-'));
  });
});
