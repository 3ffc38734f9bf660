import type { Report } from '../model/report.ts';
import { summaryOf } from '../model/run-summary.ts';
import type { StepRecord } from '../model/run.ts';
import { reportText } from './report-text.ts';
import { resultWordOf, toneOf } from './report-tone.ts';

/** A report as programs get it: webhooks, scripts, templates. Times are ISO 8601 in UTC, durations seconds. Fields are only ever added. */
export type ReportDocument = Readonly<Record<string, unknown>>;

/** The document of a report. What there is nothing to say about is `null`, so that the names are always the same. */
export function reportDocument(
  report: Report,
  { withOutput }: { readonly withOutput: boolean },
): ReportDocument {
  const { run } = report;
  const totals = run === undefined ? undefined : summaryOf(run);
  return {
    version: 1,
    id: report.id,
    event: report.event,
    result: resultWordOf(report),
    tone: toneOf(report),
    title: report.title,
    job: report.job,
    host: report.host,
    periodicity: report.periodicity ?? null,
    at: isoTime(report.at),
    timeZone: report.timeZone,
    outcome: run === undefined ? report.event : run.state,
    reason: run?.reason ?? null,
    problem: problemOf(run?.problem),
    duration: secondsBetween(run?.startedAt, run?.finishedAt),
    files: totals?.files ?? null,
    bytes: totals?.bytes ?? null,
    bytesAdded: totals?.bytesAdded ?? null,
    warnings: totals?.warnings ?? 0,
    nextRun: isoTime(report.nextRun),
    lastSuccess: isoTime(report.lastSuccess),
    lastProvenRestorable: isoTime(report.lastProvenRestorable),
    run: {
      id: run?.id ?? null,
      activity: run?.activity ?? null,
      trigger: run?.trigger ?? null,
      outcome: run?.state ?? null,
      scheduledFor: isoTime(run?.scheduledFor),
      startedAt: isoTime(run?.startedAt),
      finishedAt: isoTime(run?.finishedAt),
      steps: (run?.steps ?? []).map((step) => stepDocument(step, withOutput)),
    },
    text: reportText(report, { withOutput }),
  };
}

function stepDocument(step: StepRecord, withOutput: boolean): Readonly<Record<string, unknown>> {
  return {
    name: step.name,
    kind: step.kind,
    destination: step.destination ?? null,
    outcome: step.outcome ?? null,
    startedAt: isoTime(step.startedAt),
    finishedAt: isoTime(step.finishedAt),
    duration: secondsBetween(step.startedAt, step.finishedAt),
    exitStatus: step.exitStatus ?? null,
    problem: problemOf(step.problem),
    counters: step.counters ?? {},
    warnings: step.warnings ?? [],
    ...(withOutput && { output: step.output ?? '' }),
  };
}

const problemOf = (problem: StepRecord['problem']): Readonly<Record<string, unknown>> => ({
  code: problem?.code ?? null,
  message: problem?.message ?? null,
  hint: problem?.hint ?? null,
});

const isoTime = (at: number | undefined): string | null =>
  at === undefined ? null : new Date(at).toISOString();

const secondsBetween = (from: number | undefined, until: number | undefined): number | null =>
  from === undefined || until === undefined ? null : (until - from) / 1000;
