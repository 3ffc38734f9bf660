import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { test } from 'node:test';

import { missingPrograms } from '#test/servers/required-programs.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../base/clock.ts';
import { ServiceManager } from './service-manager.ts';

const skip = missingPrograms(['systemd-notify', 'python3']);

/** Takes messages as the manager does: a datagram socket, which closes the descriptors by which programs wait for it. */
const receiver = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    data, descriptors, _, _ = socket.recv_fds(s, 65536, 8)
    for descriptor in descriptors:
        os.close(descriptor)
    print(data.decode().strip().replace('\\n', '|'), flush=True)
`;

test(
  'the manager is told when the service works, what it does, and when it ends',
  { skip },
  async () => {
    await using directory = await temporaryDirectory();
    const socket = path.join(directory.path, 'notify');
    const manager = spawn('python3', ['-c', receiver, socket], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const lines = createInterface(manager.stdout)[Symbol.asyncIterator]();
      // What systemd-notify waits for the manager with is not said to anybody.
      const next = async (): Promise<string | undefined> => {
        const { value } = (await lines.next()) as { readonly value?: string };
        return value?.startsWith('BARRIER=') === true ? next() : value;
      };
      assert.equal(await next(), 'listening');
      const environment = {
        PATH: process.env['PATH'],
        NOTIFY_SOCKET: socket,
        WATCHDOG_USEC: '60000',
        WATCHDOG_PID: '7',
      };
      const warn = (message: string): void => assert.fail(message);
      {
        await using service = new ServiceManager({ environment, clock: systemClock, pid: 7, warn });
        await service.ready('2 jobs\nof 3');
        assert.equal(await next(), 'READY=1|STATUS=2 jobs of 3');
        assert.equal(await next(), 'WATCHDOG=1');
        assert.equal(await next(), 'WATCHDOG=1');
      }
      await using other = new ServiceManager({ environment, clock: systemClock, pid: 8, warn });
      await other.ready('x');
      await other.stopping();
      let line = await next();
      while (line === 'WATCHDOG=1') line = await next();
      // The watchdog of another process is not answered.
      assert.deepEqual([line, await next()], ['READY=1|STATUS=x', 'STOPPING=1']);
    } finally {
      manager.kill();
    }
  },
);

test(
  'without a manager nothing is told; one that cannot be reached is a warning',
  { skip },
  async () => {
    const warnings: string[] = [];
    const settings = {
      clock: new FakeClock(),
      pid: 1,
      warn: (text: string) => warnings.push(text),
    };
    await using alone = new ServiceManager({ ...settings, environment: {} });
    await alone.ready('x');
    assert.deepEqual(warnings, []);
    const environment = { PATH: process.env['PATH'], NOTIFY_SOCKET: '/nowhere/notify' };
    await using lost = new ServiceManager({ ...settings, environment });
    await lost.ready('x');
    assert.match(warnings[0] ?? '', /^Cannot tell the service manager how things are: /u);
  },
);
