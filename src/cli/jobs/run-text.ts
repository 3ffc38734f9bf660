import { formatDuration } from '../../base/duration.ts';
import { formatCount, formatSize } from '../../base/size.ts';
import { formatTime } from '../../base/time-zone.ts';
import { placedStep } from '../../model/placed-step.ts';
import { isOver, type Run, type StepKind, type StepRecord } from '../../model/run.ts';
import { displayText } from '../output/display-text.ts';
import type { Column, JsonRecord } from '../output/output.ts';

const runColumns: readonly Column[] = [
  { title: 'Run' },
  { title: 'Job' },
  { title: 'Activity' },
  { title: 'By' },
  { title: 'Began' },
  { title: 'Took', align: 'right' },
  { title: 'Outcome' },
  { title: 'What' },
];

/** Runs as a table, in the order in which they are given. */
export function runTable(
  runs: readonly Run[],
  timeZone: string,
  now: number,
): [readonly Column[], readonly string[][]] {
  return [
    runColumns,
    runs.map((run) => [
      run.id,
      run.job,
      run.activity,
      run.trigger,
      formatTime(run.startedAt ?? run.queuedAt, timeZone),
      tookText(run, now),
      run.state,
      displayText(run.reason ?? whatText(run)),
    ]),
  ];
}

/** A run in JSON. */
export const runRecord = (run: Run): JsonRecord =>
  ({ type: 'run', ...run }) as unknown as JsonRecord;

function tookText({ startedAt, finishedAt, state }: Run, now: number): string {
  if (startedAt === undefined) return '';
  if (finishedAt === undefined && state !== 'running') return '';
  return formatDuration((finishedAt ?? now) - startedAt);
}

function whatText({ steps }: Run): string {
  return steps.flatMap((step) => countersText(step) || []).join('; ');
}

/** A step in one line: `backup to /mnt/disk: succeeded in 12 s: 120 files, 3.2 MiB, new 12 KiB, snapshot 4f2a91c0`. */
export function stepLine(step: StepRecord): string {
  const { outcome, startedAt, finishedAt, problem } = step;
  const took = finishedAt === undefined ? '' : ` in ${formatDuration(finishedAt - startedAt)}`;
  const what = problem?.message ?? countersText(step);
  const tail = what === '' ? '' : `: ${what}`;
  return displayText(`${placedStep(step)}: ${outcome ?? 'under way'}${took}${tail}`);
}

function countersText({ counters }: StepRecord): string {
  if (counters === undefined) return '';
  const { files, bytes, bytesAdded, snapshot, details = {} } = counters;
  const count = (name: string, what: string): string | readonly [] =>
    typeof details[name] === 'number' ? `${formatCount(details[name])} ${what}` : [];
  return [
    // A clean-up counts no files.
    files === undefined || (files === 0 && snapshot === undefined)
      ? []
      : `${formatCount(files)} ${files === 1 ? 'file' : 'files'}`,
    bytes === undefined || (bytes === 0 && snapshot === undefined) ? [] : formatSize(bytes),
    bytesAdded === undefined || bytesAdded === 0 ? [] : `new ${formatSize(bytesAdded)}`,
    count('forgotten', 'forgotten'),
    count('kept', 'kept'),
    count('compared', 'compared'),
    count('tables', 'tables'),
    count('rows', 'rows'),
    snapshot === undefined ? [] : `snapshot ${snapshot.slice(0, 8)}`,
  ]
    .flat()
    .join(', ');
}

/** Everything about a run, in lines. */
export function runLines(run: Run, timeZone: string, now: number): string[] {
  const { id, job, activity, trigger, state, scheduledFor, startedAt, reason, problem } = run;
  const pair = (title: string, value: string | undefined): string | readonly [] =>
    value === undefined || value === '' ? [] : `${`${title}:`.padEnd(11)}${displayText(value)}`;
  const parameters = Object.entries(run.parameters ?? {}).map(
    ([name, value]) => `${name}=${value}`,
  );
  const lines = [
    pair('Run', id),
    pair('Job', `${job} (${activity}, by ${trigger})`),
    pair('Parameters', parameters.join(' ')),
    pair('Due', scheduledFor === undefined ? undefined : formatTime(scheduledFor, timeZone)),
    pair('Began', startedAt === undefined ? 'not yet' : formatTime(startedAt, timeZone)),
    pair(isOver(run) ? 'Took' : 'Since', tookText(run, now)),
    pair('Outcome', state),
    pair('Reason', reason),
    pair('Hint', problem?.hint),
  ].flat();
  for (const step of run.steps) {
    lines.push('', stepLine(step));
    lines.push(...(step.warnings ?? []).map((warning) => `  warning: ${displayText(warning)}`));
    const output = (step.output ?? '').trimEnd();
    if (output !== '') lines.push(...output.split('\n').map((line) => `  | ${displayText(line)}`));
  }
  return lines;
}

const ownOperations: ReadonlySet<StepKind> = new Set([
  'backup',
  'dump',
  'retention',
  'check',
  'drill',
  'restore',
]);

/** The exit status of a command that has brought about this run. */
export function runExitStatus({ state, steps }: Run): number {
  switch (state) {
    case 'succeeded':
      return 0;
    case 'warned':
      return 3;
    case 'skipped':
      return 75;
    case 'cancelled':
      return 130;
    default: {
      // What other programs end with means something else, and what our own end with must not look like a success.
      const failed = steps.find(
        ({ kind, outcome }) => outcome === 'failed' && ownOperations.has(kind),
      );
      const status = failed?.exitStatus ?? 1;
      return [0, 3, 75].includes(status) ? 1 : status;
    }
  }
}
