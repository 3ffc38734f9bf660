import assert from 'node:assert/strict';
import { test } from 'node:test';

import { noCounters, type SummaryEvent } from '../../model/event.ts';
import { summaryLines } from './summary-text.ts';

const summary = (event: Partial<SummaryEvent> & Pick<SummaryEvent, 'operation'>): SummaryEvent => ({
  type: 'summary',
  ...noCounters,
  dryRun: false,
  milliseconds: 2000,
  ...event,
});

test('summaryLines() tells what a backup did', () => {
  const event = summary({
    operation: 'backup',
    snapshot: '0123456789abcdef',
    files: 3,
    bytes: 4 * 1024 * 1024,
    bytesRead: 1024,
    bytesAdded: 512,
    filesNew: 1,
    filesUnchanged: 2,
    errors: 1,
    details: { bytesStored: 300 },
  });
  assert.deepEqual(summaryLines(event), [
    'Files: 1 new, 0 changed, 2 unchanged',
    'Read 1.0 KiB; new, with directories, 512 B, stored as 300 B',
    'Snapshot 01234567: 3 files, 4.0 MiB, in 2.0 s (2.0 MiB/s)',
    '1 problem: see above',
  ]);
  assert.deepEqual(summaryLines({ ...event, errors: 0, dryRun: true }), [
    'Would back up 3 files, 4.0 MiB, found in 2.0 s',
    'Nothing was changed: this was a dry run',
  ]);
});

test('summaryLines() tells what a restore did, and escapes where to', () => {
  const details = { target: '/a\u001b[2J', directories: 2, others: 1, deleted: 3, damaged: 1 };
  assert.deepEqual(
    summaryLines(summary({ operation: 'restore', files: 2, bytes: 7, filesUnchanged: 1, details })),
    [
      String.raw`Restored 2 files, 2 directories, 1 other entry, 7 B to "/a\x1b[2J" in 2.0 s`,
      '1 file already there as in the snapshot; 0 B written',
      'Deleted 3 entries',
      '1 file not restored as a whole: content is lost',
    ],
  );
  const more = { operation: 'restore', bytesAdded: 2048, filesUnchanged: 2 } as const;
  const skipping = { ...more, details: { target: '/a', skipped: 1 } };
  assert.deepEqual(summaryLines(summary({ ...skipping, dryRun: true })).slice(1, 3), [
    '2 files already there as in the snapshot; at most 2.0 KiB to write',
    'Would leave 1 entry as it is, although not as in the snapshot: --overwrite wants it so',
  ]);
});

test('summaryLines() gives the verdict of a check', () => {
  const check = (packsRead: number, findings: number, errors: number): string =>
    summaryLines(
      summary({
        operation: 'check',
        errors,
        bytesRead: 2048,
        details: { snapshots: 1, packs: 4, packsRead, findings, affectedSnapshots: 0 },
      }),
    ).join('\n');
  assert.equal(
    check(0, 0, 0),
    'No damage found: 1 snapshot, 4 packs; no content was read (--read-data does that), in 2.0 s',
  );
  assert.match(
    check(4, 2, 0),
    /^No damage found, 2 warnings: .*content of all packs \(2\.0 KiB\)/u,
  );
  assert.match(check(2, 2, 1), /^Damage found: 1 error among 2 findings: .*content of 2 packs/u);
});
