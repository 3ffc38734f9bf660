import type { Outcome, RunProblem, StepRecord } from '../../model/run.ts';
import type { StoppedItem } from './stopped-containers.ts';

/** What there is to tell about stopping or starting, while it goes on. */
export interface Told {
  /** Names of what was stopped. */
  readonly names: string[];
  readonly started: StoppedItem[];
  readonly warnings: string[];
  /** What commands of labels printed. */
  readonly output: string[];
  problem: RunProblem | undefined;
}

export const newTold = (): Told => ({
  names: [],
  started: [],
  warnings: [],
  output: [],
  problem: undefined,
});

/** The step of a run that tells it. */
export function containerStep(
  name: string,
  startedAt: number,
  finishedAt: number,
  { names, started, warnings, output, problem }: Told,
): StepRecord {
  const outcome: Outcome =
    problem !== undefined ? 'failed' : warnings.length > 0 ? 'warned' : 'succeeded';
  const said = [
    ...output,
    ...(names.length > 0 ? [`Stopped: ${names.join(', ')}`] : []),
    ...(started.length > 0 ? [`Started: ${started.map((item) => item.name).join(', ')}`] : []),
  ];
  return {
    name,
    kind: 'containers',
    startedAt,
    finishedAt,
    outcome,
    ...(problem !== undefined && { problem }),
    ...(warnings.length > 0 && { warnings: warnings.slice(0, 100) }),
    ...(said.length > 0 && { output: said.join('\n') }),
    counters: { details: { stopped: names.length, started: started.length } },
  };
}
