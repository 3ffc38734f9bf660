import { formatDuration } from '../base/duration.ts';
import { formatCount, formatSize } from '../base/size.ts';
import { formatTime } from '../base/time-zone.ts';
import type { Report } from '../model/report.ts';
import { summaryOf } from '../model/run-summary.ts';
import type { Outcome, Run, StepCounters, StepRecord } from '../model/run.ts';
import { plainLine } from './plain-line.ts';

/** One line of a report, ready to be shown. */
export interface Fact {
  readonly label: string;
  readonly value: string;
}

const outcomeWords: Readonly<Record<Outcome, string>> = {
  succeeded: 'succeeded',
  warned: 'succeeded with warnings',
  failed: 'failed',
  skipped: 'skipped',
  cancelled: 'cancelled',
  broken: 'broke off',
};

/** An outcome for people. */
export const outcomeText = (outcome: Outcome): string => outcomeWords[outcome];

/** The facts of a report, in the order in which every channel shows them. What there is nothing to say about is left out. */
export function factsOf(report: Report): readonly Fact[] {
  const { run } = report;
  const facts: Fact[] = [];
  const add = (label: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') facts.push({ label, value: plainLine(value, 1000) });
  };
  const time = (at: number | undefined): string | undefined =>
    at === undefined ? undefined : formatTime(at, report.timeZone);
  add('Job', report.job);
  add('Outcome', outcomeOf(report));
  add('Host', report.host);
  add('Periodicity', report.periodicity);
  if (run !== undefined) {
    add('Reason', run.problem === undefined ? run.reason : undefined);
    add('Problem', run.problem?.message);
    add('Hint', run.problem?.hint);
    add('Started', time(run.startedAt));
    add('Finished', time(run.finishedAt));
    add('Duration', durationOf(run));
    const { files, bytes, bytesAdded, warnings } = summaryOf(run);
    add('Files', files === undefined ? undefined : formatCount(files));
    add('Size', bytes === undefined ? undefined : formatSize(bytes));
    add('Added', bytesAdded === undefined ? undefined : formatSize(bytesAdded));
    add('Warnings', warnings === 0 ? undefined : formatCount(warnings));
  }
  add('Next run', time(report.nextRun));
  add(
    'Last success',
    time(report.lastSuccess) ?? (report.event === 'missed' ? 'never' : undefined),
  );
  add('Last proven restorable', time(report.lastProvenRestorable));
  add('Time zone', report.timeZone);
  add('Run', run?.id);
  return facts;
}

function outcomeOf({ event, run }: Report): string | undefined {
  if (event === 'started') return 'started';
  if (event === 'missed') return 'no success in time';
  if (run === undefined || run.state === 'queued' || run.state === 'running') return undefined;
  const text = outcomeText(run.state);
  return event === 'recovered' ? `${text}, for the first time again` : text;
}

function durationOf({ startedAt, finishedAt }: Pick<Run, 'startedAt' | 'finishedAt'>) {
  if (startedAt === undefined || finishedAt === undefined) return undefined;
  return formatDuration(finishedAt - startedAt);
}

/** The facts of one step, for people. */
export function stepFactsOf(step: StepRecord, timeZone: string): readonly Fact[] {
  const facts: Fact[] = [];
  const add = (label: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') facts.push({ label, value: plainLine(value, 1000) });
  };
  add('Destination', step.destination);
  add('Started', formatTime(step.startedAt, timeZone));
  if (step.finishedAt !== undefined) add('Finished', formatTime(step.finishedAt, timeZone));
  if (step.outcome !== undefined) {
    add('Success', step.outcome === 'succeeded' || step.outcome === 'warned' ? 'yes' : 'no');
    if (step.outcome !== 'succeeded') add('Outcome', outcomeText(step.outcome));
  }
  if (step.finishedAt !== undefined)
    add('Duration', formatDuration(step.finishedAt - step.startedAt));
  if (step.exitStatus !== undefined && step.exitStatus !== 0)
    add('Exit status', String(step.exitStatus));
  add('Problem', step.problem?.message);
  add('Hint', step.problem?.hint);
  if (step.counters !== undefined) facts.push(...counterFactsOf(step.counters));
  return facts;
}

function counterFactsOf(counters: StepCounters): Fact[] {
  const facts: Fact[] = [];
  const count = (label: string, value: number | undefined): void => {
    if (value !== undefined) facts.push({ label, value: formatCount(value) });
  };
  const size = (label: string, value: number | undefined): void => {
    if (value !== undefined) facts.push({ label, value: formatSize(value) });
  };
  if (counters.snapshot !== undefined)
    facts.push({ label: 'Snapshot', value: plainLine(counters.snapshot, 200) });
  count('Files', counters.files);
  count('New', counters.filesNew);
  count('Changed', counters.filesChanged);
  count('Unchanged', counters.filesUnchanged);
  size('Size', counters.bytes);
  size('Read', counters.bytesRead);
  size('Added', counters.bytesAdded);
  if (counters.errors !== undefined && counters.errors > 0) count('Errors', counters.errors);
  for (const [name, value] of Object.entries(counters.details ?? {}))
    facts.push({ label: plainLine(name, 60), value: plainLine(String(value), 200) });
  return facts;
}
