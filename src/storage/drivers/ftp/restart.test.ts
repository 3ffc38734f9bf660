import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import type { FtpConnection } from './connection.ts';
import { Reception } from './reception.ts';
import { Download, receive } from './transfers.ts';

/** A connection that fails at one step, and what was done with it. */
function failing(step: 'prepare' | 'begin'): { connection: FtpConnection; done: string[] } {
  const done: string[] = [];
  const fail = (): never => {
    throw new Error('refused');
  };
  const connection = {
    send: async (command: string) => void done.push(command),
    async prepare(meanwhile: () => Promise<void>) {
      await meanwhile();
      if (step === 'prepare') fail();
    },
    begin: async () => fail(),
    abandon: () => void done.push('abandon'),
    close: () => void done.push('close'),
  };
  return { connection: connection as unknown as FtpConnection, done };
}

void suite('a place to begin at that was told to the server', () => {
  for (const step of ['prepare', 'begin'] as const) {
    void test(`is not left for whatever comes next over the connection (${step})`, async () => {
      const { connection, done } = failing(step);
      const wanted = { offset: 100, reception: new Reception(10) };
      await assert.rejects(receive(connection, 'file', wanted), /refused/u);
      assert.deepEqual(done, ['REST 100', 'close']);
    });
  }

  void test('nor by a stream', async () => {
    const { connection, done } = failing('begin');
    const wanted = { name: 'a', offset: 100, length: 10 };
    await assert.rejects(Download.begin(connection, 'file', wanted), /refused/u);
    assert.deepEqual(done, ['REST 100', 'abandon', 'close']);
  });

  void test('costs the connection nothing when there was none', async () => {
    const { connection, done } = failing('begin');
    const wanted = { offset: 0, reception: new Reception(10) };
    await assert.rejects(receive(connection, 'file', wanted), /refused/u);
    assert.deepEqual(done, []);
  });
});
