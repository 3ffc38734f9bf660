import type { DataSet } from './data.ts';
import type { Measurement } from './measure.ts';
import type { Step } from './tools/tool.ts';

/** One measurement of one program. */
export interface Result extends Measurement {
  readonly set: DataSet;
  readonly step: Step;
  readonly tool: string;
  /** Size of the repository after the step; of the copy after that. */
  readonly repositoryBytes: number;
}

/** All measurements of one step of one program: median times, the highest memory. */
export interface Summary extends Result {
  readonly runs: number;
}

/** Joins repeated measurements. */
export function summarize(results: readonly Result[]): Summary[] {
  const groups = Map.groupBy(results, ({ set, step, tool }) => `${set} ${step} ${tool}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return {
      ...first,
      seconds: median(group.map(({ seconds }) => seconds)),
      cpuSeconds: median(group.map(({ cpuSeconds }) => cpuSeconds)),
      peakBytes: Math.max(...group.map(({ peakBytes }) => peakBytes)),
      repositoryBytes: median(group.map(({ repositoryBytes }) => repositoryBytes)),
      runs: group.length,
    };
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
