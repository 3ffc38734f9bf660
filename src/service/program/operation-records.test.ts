import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OperationRecords } from './operation-records.ts';

function read(lines: readonly (object | string)[], errors: readonly string[] = []) {
  const texts: string[] = [];
  const progress: unknown[] = [];
  const records = new OperationRecords({
    onText: (text) => texts.push(text),
    onProgress: (one) => progress.push(one),
  });
  for (const line of lines) {
    records.resultLine(typeof line === 'string' ? line : JSON.stringify(line));
  }
  for (const line of errors) records.errorLine(line);
  return { ...records.told(), others: records.others, texts, progress };
}

test('a summary becomes counters', () => {
  const { counters } = read([
    {
      type: 'summary',
      operation: 'backup',
      snapshot: 'aa',
      dryRun: false,
      milliseconds: 5,
      files: 3,
      bytes: 10,
      errors: 0,
      bytesStored: 4,
    },
  ]);
  assert.deepEqual(counters, {
    snapshot: 'aa',
    files: 3,
    bytes: 10,
    errors: 0,
    details: { operation: 'backup', bytesStored: 4 },
  });
});

test('parts of one kind are added, those of different kinds put together', () => {
  const summary = { type: 'summary', operation: 'backup', files: 1, bytes: 5 };
  const { counters } = read([
    { ...summary, snapshot: 'aa' },
    { ...summary, snapshot: 'bb' },
    { ...summary, snapshot: 'cc' },
  ]);
  assert.equal(counters?.bytes, 15);
  assert.equal(counters.details?.['snapshots'], 'aa bb cc');
  const both = read([
    { type: 'summary', operation: 'forget', forgotten: 2, files: 0 },
    { type: 'summary', operation: 'prune', deletedPacks: 4, files: 0 },
  ]).counters;
  assert.deepEqual(both?.details, { operation: 'prune', forgotten: 2, deletedPacks: 4 });
});

test('an error, problems, phases and words of other programs are told', () => {
  const { problem, warnings, texts, progress, others } = read(
    [
      { type: 'phase', phase: 'Saving' },
      { type: 'progress', files: 1, bytes: 2, path: 'x' },
      { type: 'problem', severity: 'error', path: '/a', code: 'source/unreadable', message: 'No' },
      { type: 'decision', id: 'x' },
      'words',
      '{ no JSON',
    ],
    [
      'gpg: hello',
      JSON.stringify({ type: 'error', code: 'storage/unavailable', message: 'Gone', hint: 'Look' }),
    ],
  );
  assert.deepEqual(problem, { code: 'storage/unavailable', message: 'Gone', hint: 'Look' });
  assert.deepEqual(warnings, ['/a: No']);
  assert.deepEqual(texts, ['error: /a: No', 'words', '{ no JSON', 'gpg: hello', 'Gone']);
  assert.deepEqual(progress, [
    { phase: 'Saving' },
    { phase: 'Saving', files: 1, bytes: 2, path: 'x' },
  ]);
  assert.deepEqual(others, [{ type: 'decision', id: 'x' }]);
});
