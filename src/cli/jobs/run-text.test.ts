import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Outcome, Run, StepKind } from '../../model/run.ts';
import { runExitStatus } from './run-text.ts';

const ended = (state: Outcome, kind?: StepKind, exitStatus?: number): Run => ({
  id: '1',
  job: 'documents',
  activity: 'backup',
  trigger: 'manual',
  queuedAt: 0,
  state,
  priority: 0,
  keys: [],
  steps:
    kind === undefined
      ? []
      : [
          { name: 'a hook', kind: 'hook', startedAt: 0, outcome: 'failed', exitStatus: 9 },
          {
            name: 'the work',
            kind,
            startedAt: 0,
            outcome: 'failed',
            ...(exitStatus !== undefined && { exitStatus }),
          },
        ],
});

test('a run that failed never looks like one that did not', () => {
  assert.equal(runExitStatus(ended('succeeded')), 0);
  assert.equal(runExitStatus(ended('warned')), 3);
  assert.equal(runExitStatus(ended('skipped')), 75);
  assert.equal(runExitStatus(ended('cancelled')), 130);
  assert.equal(runExitStatus(ended('broken')), 1);
  assert.equal(runExitStatus(ended('failed')), 1);
  // Our own operations say what it was; what others end with means something else.
  assert.equal(runExitStatus(ended('failed', 'backup', 12)), 12);
  assert.equal(runExitStatus(ended('failed', 'backup')), 1);
  assert.equal(runExitStatus(ended('failed', 'drill', 3)), 1);
  for (const status of [0, 2, 3, 75, 130]) {
    assert.equal(runExitStatus(ended('failed', 'command', status)), 1);
    assert.equal(runExitStatus(ended('failed', 'task', status)), 1);
  }
});
