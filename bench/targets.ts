import type { DataSet } from './data.ts';
import type { Summary } from './results.ts';
import type { Step } from './tools/tool.ts';

/** A figure that the program should reach, and whether it did. */
export interface Verdict {
  readonly work: string;
  readonly wanted: string;
  /** What was measured, for people. */
  readonly measured: string;
  /** Undefined when one of the programs was not measured. */
  readonly met: boolean | undefined;
}

const mostSeconds = 0.6;
const mostBytes = 350 * 2 ** 20;

/** How many times faster than another program each step should at least be. */
const speeds: readonly (readonly [string, DataSet, Step, string, number])[] = [
  ['first backup, small files', 'small', 'first', 'restic', 3.5],
  ['first backup, small files', 'small', 'first', 'borg', 3],
  ['first backup, small files', 'small', 'first', 'tar', 1 / 1.7],
  ['first backup, large files', 'large', 'first', 'restic', 3.5],
  ['first backup, large files', 'large', 'first', 'borg', 2.3],
  ['second backup, nothing changed', 'small', 'second', 'restic', 4],
  ['restore, small files', 'small', 'restore', 'restic', 2.5],
  ['restore, large files', 'large', 'restore', 'restic', 2],
  ['check of all data, small files', 'small', 'check', 'restic', 1],
  ['check of all data, large files', 'large', 'check', 'restic', 1],
];

/** Compares what was measured with what was wanted. */
export function verdicts(summaries: readonly Summary[]): Verdict[] {
  const find = (set: DataSet, step: Step, tool: string): Summary | undefined =>
    summaries.find((each) => each.set === set && each.step === step && each.tool === tool);
  return [
    ...speeds.map(([work, set, step, tool, atLeast]): Verdict => {
      const ratio = divide(find(set, step, tool)?.seconds, find(set, step, 'holdfast')?.seconds);
      if (tool === 'tar') {
        const inverse = divide(1, ratio);
        return {
          work,
          wanted: `at most ${(1 / atLeast).toFixed(1)} × ${tool}`,
          measured: times(inverse),
          met: meets(ratio, (value) => value >= atLeast),
        };
      }
      return {
        work,
        wanted:
          atLeast === 1 ? `as fast as ${tool}` : `${atLeast.toFixed(1)} × faster than ${tool}`,
        measured: times(ratio),
        met: meets(ratio, (value) => value >= atLeast),
      };
    }),
    ...(['small', 'large'] as const).flatMap((set) =>
      ['restic', 'borg'].map((tool): Verdict => {
        const ratio = divide(
          find(set, 'first', 'holdfast')?.repositoryBytes,
          find(set, 'first', tool)?.repositoryBytes,
        );
        return {
          work: `repository, ${set} files`,
          wanted: `no larger than that of ${tool}`,
          measured: times(ratio),
          met: meets(ratio, (value) => value <= 1),
        };
      }),
    ),
    ...(['small', 'large'] as const).map((set): Verdict => {
      const peaks = summaries
        .filter((each) => each.set === set && each.tool === 'holdfast')
        .map(({ peakBytes }) => peakBytes);
      const peak = peaks.length === 0 ? undefined : Math.max(...peaks);
      const measured = peak === undefined ? '–' : `${Math.round(peak / 2 ** 20)} MiB`;
      return {
        work: `memory in every step, ${set} files`,
        wanted: `at most ${mostBytes / 2 ** 20} MiB`,
        measured,
        met: meets(peak, (value) => value <= mostBytes),
      };
    }),
    ((): Verdict => {
      const seconds = find('small', 'snapshots', 'holdfast')?.seconds;
      const measured = seconds === undefined ? '–' : `${seconds.toFixed(2)} s`;
      return {
        work: 'list of snapshots',
        wanted: `at most ${mostSeconds} s`,
        measured,
        met: meets(seconds, (value) => value <= mostSeconds),
      };
    })(),
  ];
}

function divide(dividend: number | undefined, divisor: number | undefined): number | undefined {
  return dividend === undefined || divisor === undefined ? undefined : dividend / divisor;
}

function meets(
  value: number | undefined,
  isEnough: (value: number) => boolean,
): boolean | undefined {
  return value === undefined ? undefined : isEnough(value);
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? '–' : `${ratio.toFixed(2)} ×`;
}
