import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { catalogOfRuns } from '#test/support/catalog-of-runs.ts';
import { channelContext } from '#test/support/channel-context.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { type Answer, recordingHttp, type RecordedRequest } from '#test/support/recording-http.ts';
import { reportOf } from '#test/support/sample-reports.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { systemRandom } from '../../base/random.ts';
import type { ChannelSettings } from '../../model/channel.ts';
import { createLog, type LogLine } from '../log.ts';
import { OutboxSender } from './outbox-sender.ts';
import { retryDelay } from './retry-delay.ts';

const minute = 60_000;
const start = Date.UTC(2026, 10, 1, 9, 0, 0);

/** A real catalog, a server that receives, and senders that share them. */
async function outboxFixture(
  answer: (request: RecordedRequest) => Answer | Promise<Answer> = () => ({}),
  realClock?: Clock,
) {
  const stack = new AsyncDisposableStack();
  const fakeClock = new FakeClock(start);
  const clock = realClock ?? fakeClock;
  const { catalog } = stack.use(await catalogOfRuns(clock));
  const server = stack.use(await recordingHttp(answer));
  const lines: LogLine[] = [];
  const log = createLog(
    () => clock.now(),
    (line) => void lines.push(line),
  );
  const newSender = (worker = 'w1'): OutboxSender =>
    stack.use(
      new OutboxSender({
        catalog,
        worker,
        clock,
        random: systemRandom,
        log,
        channels: channelContext({ clock }),
      }),
    );
  const setChannel = async (name: string, settings: ChannelSettings): Promise<void> => {
    const { channels } = catalog.configuration;
    const revision = (await channels.get(name))?.revision;
    await channels.save(name, settings, { revision, origin: 'api' });
  };
  await setChannel('hook', { type: 'webhook', url: `${server.address}/hook`, timeout: '1s' });
  return {
    clock: fakeClock,
    catalog,
    server,
    lines,
    newSender,
    setChannel,
    add: (channel: string, id: string, changes: Parameters<typeof reportOf>[1] = {}) =>
      catalog.outbox.add(
        [{ channel, report: reportOf('failed', { id, ...changes }) }],
        clock.now(),
      ),
    idsSent: () => server.requests.map(({ headers }) => headers['x-holdfast-id']),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

describe('the outbox', () => {
  test('is sent in order and is empty then', async () => {
    await using fixture = await outboxFixture();
    for (const id of ['a', 'b', 'c']) {
      await fixture.add('hook', id);
      fixture.clock.advance(1);
    }
    await fixture.newSender().sendDue();
    assert.deepEqual(fixture.idsSent(), ['a', 'b', 'c']);
    assert.deepEqual(await fixture.catalog.outbox.list(), []);
  });

  test('what fails is tried again, with the same id, after more and more time', async () => {
    let isDown = true;
    await using fixture = await outboxFixture(() => (isDown ? { status: 503, body: 'down' } : {}));
    const sender = fixture.newSender();
    await fixture.add('hook', 'a');
    await sender.sendDue();
    await sender.sendDue();
    assert.equal(fixture.server.requests.length, 1, 'not at once');
    const [item] = await fixture.catalog.outbox.list();
    assert.equal(item!.attempts, 1);
    assert.match(item!.lastError!, /status 503 \(down\)$/u);
    fixture.clock.advance(minute);
    await sender.sendDue();
    assert.equal(fixture.server.requests.length, 2);
    isDown = false;
    fixture.clock.advance(3 * minute);
    await sender.sendDue();
    assert.deepEqual(fixture.idsSent(), ['a', 'a', 'a']);
    assert.deepEqual(await fixture.catalog.outbox.list(), []);
  });

  test('is given up after three days, and kept to be seen', async () => {
    await using fixture = await outboxFixture(() => ({ status: 500 }));
    const sender = fixture.newSender();
    await fixture.add('hook', 'a');
    for (let tries = 0; tries < 100; tries++) {
      await sender.sendDue();
      const [item] = await fixture.catalog.outbox.list();
      if (item!.givenUp) break;
      fixture.clock.advance(item!.notBefore! - fixture.clock.now());
    }
    const days = (fixture.clock.now() - start) / (24 * 60 * minute);
    assert.ok(days > 2.5 && days < 4.5, `${days} days`);
    const [item] = await fixture.catalog.outbox.list();
    assert.ok(item!.givenUp);
    assert.ok(
      fixture.lines.some(
        ({ level, message }) => level === 'error' && message.endsWith('; given up'),
      ),
    );
  });

  test('a channel that hangs delays no other', async () => {
    const released = Promise.withResolvers<Answer>();
    await using fixture = await outboxFixture(
      ({ path }) => (path === '/slow' ? released.promise : {}),
      systemClock,
    );
    await fixture.setChannel('slow', {
      type: 'webhook',
      url: `${fixture.server.address}/slow`,
      timeout: '60s',
    });
    const controller = new AbortController();
    const sender = fixture.newSender();
    await fixture.add('slow', 'a');
    const running = sender.run(controller);
    const arrived = (count: number): Promise<void> =>
      until(() => fixture.server.requests.length >= count);
    await arrived(1);
    await fixture.add('hook', 'b');
    await arrived(2);
    assert.deepEqual(fixture.idsSent(), ['a', 'b']);
    released.resolve({});
    controller.abort();
    await running;
  });

  test('the others of a channel that is down are put off untried', async () => {
    await using fixture = await outboxFixture(() => ({ status: 503 }));
    for (let index = 0; index < 20; index++) await fixture.add('hook', `r${index}`);
    await fixture.newSender().sendDue();
    assert.equal(fixture.server.requests.length, 2);
    const items = await fixture.catalog.outbox.list();
    assert.ok(items.every(({ attempts }) => attempts === 1));
  });

  test('reports that are refused do not hold up the others', async () => {
    await using fixture = await outboxFixture(({ headers }) =>
      headers['x-holdfast-id']?.startsWith('bad') === true ? { status: 400 } : {},
    );
    for (const id of ['bad1', 'good1', 'bad2', 'good2']) {
      await fixture.add('hook', id);
      fixture.clock.advance(1);
    }
    await fixture.newSender().sendDue();
    const items = await fixture.catalog.outbox.list();
    assert.deepEqual(
      items.map(({ report }) => report.id),
      ['bad1', 'bad2'],
    );
  });

  test('whoever has a report does not get it again while others are refused', async () => {
    const chats: unknown[] = [];
    await using fixture = await outboxFixture(({ body }) => {
      const { chat_id: chat } = JSON.parse(body) as { chat_id: string };
      chats.push(chat);
      return chat === '1' ? { body: '{"ok":true}' } : { status: 400, body: '{"ok":false}' };
    });
    await fixture.setChannel('chat', {
      type: 'telegram',
      token: '1:x',
      chats: ['1', '2'],
      server: fixture.server.address,
    });
    await fixture.add('chat', 'a');
    const sender = fixture.newSender();
    for (let tries = 0; tries < 3; tries++) {
      await sender.sendDue();
      fixture.clock.advance(120 * minute);
    }
    assert.deepEqual(chats, ['1', '2', '2', '2']);
  });

  test('a digest is one message of all that have come together', async () => {
    const mails: string[] = [];
    await using fixture = await outboxFixture();
    const { SMTPServer } = await import('smtp-server');
    const smtp = new SMTPServer({
      authOptional: true,
      hideSTARTTLS: true,
      onData(stream, _session, callback) {
        let mail = '';
        stream.on('data', (piece: Buffer) => (mail += piece.toString()));
        stream.on('end', () => {
          mails.push(mail);
          callback();
        });
      },
    });
    const port = await new Promise<number>((resolve) => {
      const listener = smtp.listen(0, '127.0.0.1', () =>
        resolve((listener.address() as { port: number }).port),
      );
    });
    try {
      await fixture.setChannel('mail', {
        type: 'mail',
        host: '127.0.0.1',
        port,
        from: 'a@x.test',
        to: ['b@y.test'],
        digest: { at: '07:00' },
      });
      const due = start + 60 * minute;
      await fixture.catalog.outbox.add(
        Array.from({ length: 250 }, (_, index) => ({
          channel: 'mail',
          report: reportOf('succeeded', {
            id: `r${index}`,
            title: `job${index}: backup succeeded`,
            digest: true,
          }),
          notBefore: due,
        })),
        start,
      );
      const sender = fixture.newSender();
      await sender.sendDue();
      assert.deepEqual(mails, [], 'not before its time');
      fixture.clock.advance(61 * minute);
      await sender.sendDue();
      assert.equal(mails.length, 1);
      assert.match(mails[0]!, /^Subject: Backup digest of nas\.example\.org: 250 good/mu);
      assert.match(mails[0]!, /job249: backup succeeded/u);
      assert.deepEqual(await fixture.catalog.outbox.list(), []);
    } finally {
      await new Promise<void>((resolve) => {
        smtp.close(() => resolve());
      });
    }
  });

  test('two senders share the work', async () => {
    await using fixture = await outboxFixture();
    for (let index = 0; index < 150; index++) await fixture.add('hook', `r${index}`);
    await Promise.all([fixture.newSender('w1').sendDue(), fixture.newSender('w2').sendDue()]);
    assert.equal(new Set(fixture.idsSent()).size, 150);
    assert.equal(fixture.idsSent().length, 150);
  });

  test('what a sender had in hand when it died is sent by another one', async () => {
    await using fixture = await outboxFixture();
    await fixture.add('hook', 'a');
    assert.equal((await fixture.catalog.outbox.claim('dead', fixture.clock.now(), 10)).length, 1);
    const sender = fixture.newSender();
    await sender.sendDue();
    assert.deepEqual(fixture.idsSent(), []);
    fixture.clock.advance(3 * minute);
    await sender.sendDue();
    assert.deepEqual(fixture.idsSent(), ['a']);
  });

  test('the end of the service ends what is under way, and loses nothing', async () => {
    const arrived = Promise.withResolvers<void>();
    await using fixture = await outboxFixture(() => {
      arrived.resolve();
      return undefined;
    });
    await fixture.setChannel('hook', {
      type: 'webhook',
      url: fixture.server.address,
      timeout: '60s',
    });
    await fixture.add('hook', 'a');
    const sender = fixture.newSender();
    const sending = sender.sendDue();
    await arrived.promise;
    await sender[Symbol.asyncDispose]();
    await sending;
    const [item] = await fixture.catalog.outbox.list();
    assert.deepEqual([item!.report.id, item!.attempts, item!.givenUp], ['a', 0, false]);
  });

  test('a channel that is gone, and one whose settings make no sense', async () => {
    await using fixture = await outboxFixture();
    await fixture.setChannel('odd', { type: 'url', url: 'nfty://host/topic' });
    await fixture.add('gone', 'a');
    await fixture.add('odd', 'b');
    await fixture.newSender().sendDue();
    const items = await fixture.catalog.outbox.list();
    assert.deepEqual(
      items.map(({ lastError }) => lastError),
      [
        'There is no channel "gone" any more',
        'The URL of the channel "odd" has an unknown scheme "nfty"; did you mean "ntfy"?',
      ],
    );
  });

  test('settings that are put right are used at the next try', async () => {
    await using fixture = await outboxFixture(({ headers }) =>
      headers['authorization'] === 'Bearer right-token' ? {} : { status: 401 },
    );
    const url = fixture.server.address;
    await fixture.setChannel('hook', { type: 'webhook', url, token: 'wrong-token' });
    await fixture.add('hook', 'a');
    const sender = fixture.newSender();
    await sender.sendDue();
    await fixture.setChannel('hook', { type: 'webhook', url, token: 'right-token' });
    fixture.clock.advance(15 * minute);
    await sender.sendDue();
    assert.deepEqual(await fixture.catalog.outbox.list(), []);
  });
});

describe('monitors, which show how a job stands', () => {
  test('a beginning is not told late', async () => {
    await using fixture = await outboxFixture(() => ({ status: 503 }));
    await fixture.setChannel('hc', {
      type: 'healthchecks',
      url: `${fixture.server.address}/ping/x`,
    });
    await fixture.add('hc', 'a', { event: 'started' });
    await fixture.newSender().sendDue();
    assert.deepEqual(await fixture.catalog.outbox.list(), []);
  });

  test('what waits for another try is dropped when newer news of the job comes', async () => {
    let isDown = true;
    await using fixture = await outboxFixture(() => (isDown ? { status: 503 } : { body: 'OK' }));
    await fixture.setChannel('hc', {
      type: 'healthchecks',
      url: `${fixture.server.address}/ping/x`,
    });
    const sender = fixture.newSender();
    await fixture.add('hc', 'old');
    await fixture.add('hc', 'other', { job: 'pictures' });
    await sender.sendDue();
    isDown = false;
    fixture.clock.advance(1000);
    await fixture.add('hc', 'new', { event: 'recovered' });
    await sender.sendDue();
    const items = await fixture.catalog.outbox.list();
    assert.deepEqual(
      items.map(({ report }) => report.id),
      ['other'],
    );
  });
});

test('delays grow, and listen to what the other side asks for', () => {
  const none = (length: number): Uint8Array => new Uint8Array(length);
  const down = new AppError('notify/failed', 'x');
  const refused = new AppError('notify/refused', 'x');
  assert.equal(retryDelay(down, 1, none), 30_000);
  assert.equal(retryDelay(down, 3, none), 120_000);
  assert.equal(retryDelay(down, 50, none), 3_600_000);
  assert.equal(retryDelay(refused, 1, none), 600_000);
  assert.equal(retryDelay(refused, 16, none), undefined);
  const busy = new AppError('notify/failed', 'x', { details: { retryAfter: 90_000 } });
  assert.equal(retryDelay(busy, 1, none), 90_000);
  assert.equal(
    retryDelay(down, 1, (length) => new Uint8Array(length).fill(255)),
    Math.round(30_000 * (1 + (0.2 * 65_535) / 65_536)),
  );
});

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error('It did not come');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
