import { identifyProcess } from '../../src/base/process-identity.ts';
import { systemClock } from '../../src/base/clock.ts';
import { Secret } from '../../src/base/secret.ts';
import type { Catalog, JournalEntry } from '../../src/catalog/catalog.ts';
import type { CommandsJob, TaskJob } from '../../src/model/job.ts';
import type { Run, StepRecord } from '../../src/model/run.ts';
import { Feed } from '../../src/service/feed.ts';
import { SecretMask } from '../../src/service/program/mask-secrets.ts';
import { createLog } from '../../src/service/log.ts';
import type { RunEvent } from '../../src/service/run-event.ts';
import { RunStepLog } from '../../src/service/runner/run-step-log.ts';
import type { StepContext } from '../../src/service/runner/step-context.ts';

/** A run that is kept in memory. */
export interface MemoryRun<RunJob extends TaskJob | CommandsJob> {
  readonly context: Pick<
    StepContext<RunJob>,
    | 'run'
    | 'job'
    | 'environment'
    | 'directory'
    | 'clock'
    | 'signal'
    | 'log'
    | 'mask'
    | 'feed'
    | 'steps'
    | 'secret'
    | 'lasting'
    | 'worker'
    | 'catalog'
  >;
  /** What the journal holds. */
  readonly journal: ReadonlyMap<string, unknown>;
  /** All that was ever in it. */
  readonly journalled: readonly Omit<JournalEntry, 'id'>[];
  /** The steps as the catalog would hold them. */
  written(): readonly StepRecord[];
  /** What the container would show. */
  printed(): string;
}

/** What a run of a task or of commands works with. */
export function runContext<RunJob extends TaskJob | CommandsJob>(
  job: RunJob,
  given: {
    readonly environment?: Readonly<Record<string, string | undefined>>;
    readonly directory?: string;
    readonly signal?: AbortSignal;
    readonly parameters?: Readonly<Record<string, string>>;
    readonly onText?: (text: string) => void;
  } = {},
): MemoryRun<RunJob> {
  const mask = new SecretMask();
  const feed = new Feed<RunEvent>((error) => {
    throw error;
  });
  let written: readonly StepRecord[] = [];
  const journal = new Map<string, unknown>();
  const journalled: Omit<JournalEntry, 'id'>[] = [];
  let printed = '';
  feed.subscribe((event) => {
    if (event.type !== 'output') return;
    printed += event.text;
    given.onText?.(printed);
  });
  const run: Run = {
    id: 'run-1',
    job: job.name,
    activity: job.kind,
    trigger: 'manual',
    queuedAt: 0,
    state: 'running',
    steps: [],
    priority: 50,
    keys: [],
    ...(given.parameters !== undefined && { parameters: given.parameters }),
  };
  const context: MemoryRun<RunJob>['context'] = {
    run,
    job,
    environment: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...given.environment },
    directory: given.directory ?? '/',
    clock: systemClock,
    signal: given.signal ?? new AbortController().signal,
    mask,
    feed,
    steps: new RunStepLog({
      clock: systemClock,
      mask,
      write: async (steps) => void (written = steps),
      onStep: () => undefined,
    }),
    lasting: new AbortController().signal,
    log: createLog(
      () => Date.now(),
      () => undefined,
    ),
    worker: identifyProcess(),
    // Only its journal is used: in memory, as the rest.
    catalog: {
      journal: {
        async add(entry) {
          journal.set(String(journalled.push(entry)), entry);
          return String(journalled.length);
        },
        async list() {
          return [];
        },
        async update() {},
        async remove(id) {
          journal.delete(id);
        },
      } satisfies Catalog['journal'],
    } as unknown as Catalog,
    async secret(value) {
      return new Secret(value as string);
    },
  };
  return {
    context,
    journal,
    journalled,
    written: () => written,
    printed: () => printed,
  };
}
