import assert from 'node:assert/strict';
import { test } from 'node:test';

import { testRunner } from '#test/support/runner.ts';
import { createLog } from './log.ts';
import { Service } from './service.ts';

test('what fails inside the service keeps nothing from ending in order', async () => {
  await using runner = await testRunner();
  const { worker, clock, program, stateDirectory } = runner.context;
  const failed = Promise.withResolvers<void>();
  const lines: string[] = [];
  let isFirst = true;
  const log = createLog(
    () => Date.now(),
    ({ level, message }) => {
      lines.push(message);
      if (level !== 'error') return;
      if (!isFirst) failed.resolve();
      if (!isFirst) return;
      isFirst = false;
      throw new Error('Nobody reads this any more');
    },
  );
  const queue = new Proxy(runner.catalog.queue, {
    get(target, name) {
      if (name === 'claim') return () => Promise.reject(new Error('It cannot be claimed'));
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const catalog = new Proxy(runner.catalog, {
    get: (target, name) => (name === 'queue' ? queue : (Reflect.get(target, name) as unknown)),
  });
  const service = new Service({
    catalog,
    worker,
    clock,
    log,
    program,
    stateDirectory,
    timeZone: 'UTC',
    hostName: 'host',
    version: '1',
  });
  await service.start();
  await failed.promise;
  assert.match(service.standstill ?? '', /Nobody reads this/u);
  await service[Symbol.asyncDispose]();
  assert.equal(lines.at(-1), 'The service has ended');
});
