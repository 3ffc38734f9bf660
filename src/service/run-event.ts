import type { OperationCounters } from '../model/event.ts';
import type { Run, StepRecord } from '../model/run.ts';

/** What happens while runs are under way, for whoever watches: a terminal, a web page. Secrets are masked. */
export type RunEvent =
  /** It was claimed, postponed, or is over. */
  | { readonly type: 'run'; readonly run: Run }
  /** A step has begun or ended. */
  | { readonly type: 'step'; readonly run: string; readonly job: string; readonly step: StepRecord }
  /** What tasks and commands print, as it comes; pieces may end anywhere. */
  | { readonly type: 'output'; readonly run: string; readonly job: string; readonly text: string }
  | ({ readonly type: 'progress'; readonly run: string; readonly job: string } & RunProgress);

/** How far a step is. */
export interface RunProgress extends Partial<OperationCounters> {
  /** The name of the step. */
  readonly step: string;
  readonly destination?: string;
  /** What the operation does: "Looking", "Freeing space". */
  readonly phase?: string;
  readonly totalFiles?: number;
  readonly totalBytes?: number;
  readonly totalFinal?: boolean;
  /** The path that is being worked on. */
  readonly path?: string;
}
