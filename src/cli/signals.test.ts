import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';

import { watchSignals } from './signals.ts';

test('watchSignals() aborts at the first signal and leaves at the second', () => {
  const source = new EventEmitter();
  const said: string[] = [];
  const exits: number[] = [];
  {
    using watch = watchSignals(
      source,
      (text) => said.push(text),
      (status) => exits.push(status),
    );
    assert.ok(!watch.signal.aborted);
    source.emit('SIGTERM');
    assert.ok(watch.signal.aborted);
    assert.equal((watch.signal.reason as { code?: string }).code, 'interrupted');
    assert.equal(said.length, 1);
    assert.deepEqual(exits, []);
    source.emit('SIGINT');
    assert.deepEqual(exits, [130]);
  }
  assert.equal(source.listenerCount('SIGINT'), 0);
});

test('SIGHUP goes to whoever wants it, as long as it does', () => {
  const source = new EventEmitter();
  using watch = watchSignals(
    source,
    () => undefined,
    () => assert.fail('it leaves'),
  );
  let heard = 0;
  {
    using _listening = watch.onHangUp(() => heard++);
    source.emit('SIGHUP', 'SIGHUP');
    assert.equal(heard, 1);
    assert.ok(!watch.signal.aborted);
  }
  source.emit('SIGHUP', 'SIGHUP');
  assert.equal(heard, 1);
  assert.ok(watch.signal.aborted);
});
