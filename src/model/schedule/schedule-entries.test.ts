import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scheduleEntries } from './schedule-entries.ts';

test('every schedule of a job has an entry of its own', () => {
  const entries = scheduleEntries({
    kind: 'backup',
    name: 'documents',
    destinations: [],
    schedule: ['daily', { when: 'weekly' }],
    retention: { keepLast: 3 },
    check: { schedule: 'monthly' },
    drill: { schedule: '@every 30D' },
  });
  assert.deepEqual(
    entries.map(({ entry, activity, schedule }) => [entry, activity, schedule]),
    [
      ['documents/backup/1', 'backup', 'daily'],
      ['documents/backup/2', 'backup', { when: 'weekly' }],
      ['documents/check/1', 'check', 'monthly'],
      ['documents/drill/1', 'drill', '@every 30D'],
    ],
  );
  assert.deepEqual(scheduleEntries({ kind: 'task', name: 'dump', steps: {} }), []);
  const [task] = scheduleEntries({ kind: 'task', name: 'dump', steps: {}, schedule: 'hourly' });
  assert.equal(task?.entry, 'dump/task/1');
});
