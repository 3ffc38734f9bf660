import assert from 'node:assert/strict';
import { it } from 'node:test';

import type { Run } from '../../model/run.ts';
import { Feed } from '../../service/feed.ts';
import type { RunEvent } from '../../service/run-event.ts';
import { showPrinted } from './printed-output.ts';

const over = (id: string): RunEvent => ({
  type: 'run',
  run: {
    id,
    job: 'j',
    activity: 'task',
    trigger: 'schedule',
    queuedAt: 0,
    state: 'succeeded',
    steps: [],
    priority: 0,
    keys: [],
  } satisfies Run,
});

it('a line without an end is shown in pieces, and keeps nobody waiting', () => {
  const feed = new Feed<RunEvent>();
  const shown: string[] = [];
  using _ = showPrinted(feed, (line) => shown.push(line));
  const piece = 'x'.repeat(60_000);
  for (let count = 0; count < 100; count++)
    feed.publish({ type: 'output', run: 'a', job: 'j', text: piece });
  feed.publish({ type: 'output', run: 'a', job: 'j', text: 'end\n' });
  assert.equal(shown.join(''), `${piece.repeat(100)}end`);
  assert.ok(shown.length > 40, String(shown.length));
});

it('what runs print is shown by whole lines, each of one run', () => {
  const feed = new Feed<RunEvent>();
  const shown: string[] = [];
  const print = (run: string, text: string): void =>
    feed.publish({ type: 'output', run, job: 'j', text });
  {
    using _ = showPrinted(feed, (line, { run }) => shown.push(`${run} ${line}`));
    print('a', 'on');
    print('b', 'two\nthr');
    print('a', 'e\n');
    print('b', 'ee');
    assert.deepEqual(shown, ['b two', 'a one']);
    feed.publish(over('b'));
    feed.publish(over('a'));
    assert.deepEqual(shown, ['b two', 'a one', 'b three']);
  }
  print('a', 'late\n');
  assert.equal(shown.length, 3);
});
