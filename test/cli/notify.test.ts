import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';

import { recordingHttp } from '#test/support/recording-http.ts';
import { reportOf } from '#test/support/sample-reports.ts';
import { configurationOf, jobsOf } from '#test/support/scheduled-jobs.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../src/base/clock.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { CatalogKey } from '../../src/catalog/catalog-key.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import type { ChannelSettings } from '../../src/model/channel.ts';
import { type CommandLineOptions, type Ran, runForTest } from './command-line.ts';

const keyText = CatalogKey.random().reveal();

/** A catalog with channels, and the program on it. */
async function machine(channels: Readonly<Record<string, ChannelSettings>>): Promise<
  AsyncDisposable & {
    readonly path: string;
    run(words: readonly string[], context?: CommandLineOptions['context']): Promise<Ran>;
    withCatalog<Result>(use: (catalog: Catalog) => Promise<Result>): Promise<Result>;
  }
> {
  const directory = await temporaryDirectory();
  const file = `${directory.path}/catalog.sqlite`;
  const withCatalog = async <Result>(use: (catalog: Catalog) => Promise<Result>) => {
    await using catalog = await openCatalog({
      location: { file },
      key: new CatalogKey(keyText),
      clock: systemClock,
    });
    return await use(catalog);
  };
  await withCatalog((catalog) =>
    catalog.configuration.replace(
      configurationOf(jobsOf({ documents: 'daily' }), {
        settings: { hostname: 'host.example.org', timeZone: 'UTC' },
        channels,
      }),
      'test',
    ),
  );
  return {
    path: directory.path,
    run: (words, context = {}) =>
      runForTest([...words, '--state-dir', directory.path], {
        environment: { HOLDFAST_CATALOG_KEY: keyText },
        context,
      }),
    withCatalog,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

describe('holdfast notify test', () => {
  test('sends by a channel and tells the answer', async () => {
    await using server = await recordingHttp(() => ({ status: 202, body: 'taken, thanks' }));
    await using host = await machine({ ops: { type: 'webhook', url: `${server.address}/secret` } });
    const { status, stdout } = await host.run(['notify', 'test', 'ops', '--event', 'failed']);
    assert.equal(status, 0);
    assert.equal(stdout.text, 'Answer: 202: taken, thanks\n');
    const document = server.requests[0]!.json() as Record<string, unknown>;
    assert.equal(document['event'], 'failed');
    assert.equal(document['host'], 'host.example.org');
    const { stdout: json } = await host.run(['notify', 'test', 'ops', '--json']);
    assert.equal(json.records[0]!['answer'], '202: taken, thanks');
    assert.ok(!json.text.includes('secret'));
  });

  test('a URL, also from standard input', async () => {
    await using server = await recordingHttp();
    await using host = await machine({});
    const url = `ntfy://127.0.0.1:${server.port}/topic?disabletls=yes`;
    assert.equal((await host.run(['notify', 'test', url])).status, 0);
    const stdin = Object.assign(new PassThrough(), { isTTY: false });
    stdin.end(`${url}\n`);
    assert.equal((await host.run(['notify', 'test', '-'], { stdin })).status, 0);
    assert.equal(server.requests.length, 2);
  });

  test('channels of a file that the server does not know yet', async () => {
    await using server = await recordingHttp();
    await using host = await machine({});
    const file = `${host.path}/holdfast.yaml`;
    await writeFile(
      file,
      `channels:\n  ops:\n    type: webhook\n    url: ${server.address}\n    token: { file: token }\n`,
    );
    await writeFile(`${host.path}/token`, 'from-a-file\n');
    const { status, stderr } = await host.run(['notify', 'test', 'ops', '--config', file]);
    assert.equal(status, 0, stderr.text);
    assert.equal(server.requests[0]!.headers['authorization'], 'Bearer from-a-file');
  });

  test('what is refused, and channels that there are not', async () => {
    await using server = await recordingHttp(() => ({ status: 403, body: 'go away' }));
    await using host = await machine({ ops: { type: 'webhook', url: server.address } });
    const refused = await host.run(['notify', 'test', 'ops']);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr.text, /does not accept the credentials \(go away\)/u);
    const unknown = await host.run(['notify', 'test', 'opps']);
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr.text, /There is no channel "opps"; did you mean "ops"\?/u);
  });
});

test('holdfast notify list tells no secrets', async () => {
  await using host = await machine({
    phone: { type: 'url', url: 'ntfy://:hidden1@ntfy.test/hidden2' },
    chat: { type: 'discord', url: 'https://discord.com/api/webhooks/hidden3/hidden4' },
    post: { type: 'mail', host: 'smtp.test', from: 'a@b.c', to: ['d@e.f'], password: 'hidden5' },
    off: { type: 'syslog', enabled: false },
  });
  const { status, stdout } = await host.run(['notify', 'list']);
  assert.equal(status, 0);
  assert.match(stdout.text, /^phone +ntfy +by its URL +warned, failed, missed, recovered$/mu);
  assert.match(stdout.text, /^chat +discord +discord\.com/mu);
  assert.match(stdout.text, /^post +mail +to d@e\.f by smtp\.test/mu);
  assert.match(stdout.text, /^off +syslog +unix:\/\/\/dev\/log +switched off$/mu);
  const { stdout: json } = await host.run(['notify', 'list', '--json']);
  assert.ok(!stdout.text.includes('hidden') && !json.text.includes('hidden'));
});

describe('holdfast notify outbox', () => {
  test('shows what waits, tries it again, drops it', async () => {
    await using host = await machine({});
    await host.withCatalog(async ({ outbox }) => {
      const entries = ['a', 'b'].map((id) => ({
        channel: 'ops',
        report: reportOf('failed', { id }),
      }));
      await outbox.add(entries, 1000);
      const [first, second] = await outbox.claim('w', 1000, 2);
      await outbox.failed(first!.id, 'The server is down', 5000);
      await outbox.giveUp(second!.id, 'The server says no');
    });
    const list = (): Promise<readonly { id: string; givenUp: boolean; attempts: number }[]> =>
      host.withCatalog(({ outbox }) => outbox.list());
    const { status, stdout } = await host.run(['notify', 'outbox']);
    assert.equal(status, 0);
    assert.match(
      stdout.text,
      /ops +documents: backup failed +1 +1970-01-01 00:00:05 +The server is down/u,
    );
    assert.match(stdout.text, /given up +The server says no/u);
    const [waiting, lost] = await list();
    assert.equal((await host.run(['notify', 'outbox', '--retry', lost!.id])).status, 0);
    assert.deepEqual(
      (await list()).map(({ givenUp, attempts }) => [givenUp, attempts]),
      [
        [false, 1],
        [false, 0],
      ],
    );
    assert.equal((await host.run(['notify', 'outbox', '--drop', waiting!.id])).status, 0);
    assert.equal((await list()).length, 1);
    assert.equal((await host.run(['notify', 'outbox', '--drop', 'all'])).status, 0);
    assert.equal((await list()).length, 1, 'what was not given up stays');
    assert.equal((await host.run(['notify', 'outbox', '--retry', 'nope'])).status, 2);
    assert.equal((await host.run(['notify', 'outbox', '--retry', 'a', '--drop', 'b'])).status, 2);
  });
});
