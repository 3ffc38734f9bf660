import type { Report } from '../model/report.ts';

/** How good the news is: what colour, priority and sound are chosen by. */
export type Tone = 'good' | 'warning' | 'bad' | 'neutral';

/** The tone of a report. A drill, and the first success after a failure, are as good as their run was. */
export function toneOf({ event, run }: Pick<Report, 'event' | 'run'>): Tone {
  switch (event) {
    case 'failed':
    case 'missed':
      return 'bad';
    case 'started':
    case 'skipped':
      return 'neutral';
    case 'warned':
      return 'warning';
    case 'succeeded':
    case 'recovered':
    case 'drill':
      if (run?.state === 'failed' || run?.state === 'broken') return 'bad';
      if (run?.state === 'warned') return 'warning';
      return run?.state === 'skipped' || run?.state === 'cancelled' ? 'neutral' : 'good';
  }
}

const results = { good: 'OK', warning: 'WARNING', bad: 'ERROR', neutral: 'INFO' } as const;

/** One word for subjects: `OK` or `ERROR`, `WARNING`, `INFO`. */
export const resultWordOf = (report: Pick<Report, 'event' | 'run'>): string =>
  results[toneOf(report)];
