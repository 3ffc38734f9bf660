import type { NoticeEvent } from '../model/job.ts';
import type { Report } from '../model/report.ts';
import type { Outcome } from '../model/run.ts';

export interface SampleOptions {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly host: string;
  readonly timeZone: string;
  /** `succeeded` by default. */
  readonly event?: NoticeEvent;
  /** `test` by default. */
  readonly job?: string;
}

/** A made-up report with something in every field, to try a channel. Its title says that it is a test. */
export function sampleReport({
  at,
  host,
  timeZone,
  event = 'succeeded',
  job = 'test',
}: SampleOptions): Report {
  const outcome = outcomeOf(event);
  const startedAt = at - 95_000;
  const isBad = outcome === 'failed';
  const problem = {
    code: 'storage/unavailable',
    message: 'This is a test: nothing has failed',
    hint: 'Nothing has to be done',
  };
  return {
    id: `test-${String(at)}`,
    event,
    job,
    host,
    at,
    timeZone,
    title: `${job}: test of this channel (${event})`,
    ...(event !== 'missed' && {
      run: {
        id: `test-${String(at)}`,
        job,
        activity: 'backup',
        trigger: 'manual',
        queuedAt: startedAt,
        startedAt,
        ...(event !== 'started' && { finishedAt: at }),
        state: event === 'started' ? 'running' : outcome,
        ...(isBad && { reason: problem.message, problem }),
        steps:
          event === 'started'
            ? []
            : [
                {
                  name: 'backup',
                  kind: 'backup',
                  destination: 'file:///srv/backup',
                  startedAt,
                  finishedAt: at,
                  outcome,
                  exitStatus: isBad ? 1 : 0,
                  ...(isBad && { problem }),
                  counters: {
                    snapshot: '0123456789ab',
                    files: 1234,
                    bytes: 5_678_901_234,
                    bytesRead: 123_456_789,
                    bytesAdded: 12_345_678,
                    filesNew: 12,
                    filesChanged: 3,
                    filesUnchanged: 1219,
                  },
                  output: 'This is a test\n',
                  warnings: event === 'warned' ? ['This is a test: nothing is wrong'] : [],
                },
              ],
        priority: 50,
        keys: [],
      },
    }),
    lastSuccess: isBad || event === 'missed' ? at - 2 * 86_400_000 : at,
    lastProvenRestorable: at - 5 * 86_400_000,
    nextRun: at + 86_400_000,
  };
}

function outcomeOf(event: NoticeEvent): Outcome {
  if (event === 'warned' || event === 'failed' || event === 'skipped') return event;
  return 'succeeded';
}
