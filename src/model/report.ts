import type { NoticeEvent } from './job.ts';
import type { Run } from './run.ts';

/** What is told about a run or about the lack of one: the same fields in every channel. Plain JSON. */
export interface Report {
  /** Unique; a channel that gets it twice may drop the second. */
  readonly id: string;
  readonly event: NoticeEvent;
  readonly job: string;
  /** Fully qualified name of the host that tells. */
  readonly host: string;
  readonly at: number;
  /** IANA name of the zone that times are shown in. */
  readonly timeZone: string;
  /** One line: `documents: backup failed`. */
  readonly title: string;
  /** Missing for `missed` of a job that never ran. */
  readonly run?: Run;
  /** Name of the periodicity, where one ran it (`daily`). */
  readonly periodicity?: string;
  readonly lastSuccess?: number;
  readonly lastProvenRestorable?: number;
  readonly nextRun?: number;
  /** It goes into a digest, together with others of its channel. */
  readonly digest?: boolean;
}
