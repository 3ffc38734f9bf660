import type { NoticeEvent } from '../../src/model/job.ts';
import type { Report } from '../../src/model/report.ts';
import { sampleReport } from '../../src/notify/sample-report.ts';

const at = Date.UTC(2026, 10, 1, 9, 0, 0);

/** A report as the service makes them, with a title like theirs. */
export function reportOf(event: NoticeEvent, changes: Partial<Report> = {}): Report {
  return {
    ...sampleReport({
      at,
      host: 'nas.example.org',
      timeZone: 'Europe/Berlin',
      event,
      job: 'documents',
    }),
    id: `run1-${event}`,
    title: `documents: backup ${event}`,
    ...changes,
  };
}
