import type { RunProblem, StepCounters } from '../../model/run.ts';
import type { RunProgress } from '../run-event.ts';

/** One line of `--json`; `docs/reference/json.md` lists them. */
export interface ProgramRecord {
  readonly type: string;
  readonly [name: string]: unknown;
}

export interface OperationRecordsOptions {
  /** What people would have read. */
  readonly onText: (text: string) => void;
  /** Sees records that are neither events nor summaries; without it they are kept. */
  readonly onRecord?: (record: ProgramRecord) => void;
  readonly onProgress?: (progress: Omit<RunProgress, 'step' | 'destination'>) => void;
}

/** What the lines said, taken together. */
export interface OperationTold {
  readonly problem?: RunProblem;
  readonly counters?: StepCounters;
  readonly warnings: readonly string[];
}

const MOST_WARNINGS = 100;
const MOST_RECORDS = 100_000;

const counterNames = [
  'files',
  'bytes',
  'bytesRead',
  'bytesAdded',
  'filesNew',
  'filesChanged',
  'filesUnchanged',
  'errors',
] as const;

/** Reads the JSON lines that an operation prints. */
export class OperationRecords {
  readonly others: ProgramRecord[] = [];
  readonly #options: OperationRecordsOptions;
  readonly #warnings: string[] = [];
  #problem: RunProblem | undefined;
  #counters: StepCounters | undefined;
  #phase: string | undefined;

  constructor(options: OperationRecordsOptions) {
    this.#options = options;
  }

  told(): OperationTold {
    return {
      ...(this.#problem !== undefined && { problem: this.#problem }),
      ...(this.#counters !== undefined && { counters: this.#counters }),
      warnings: this.#warnings,
    };
  }

  /** A line of standard output. */
  resultLine(line: string): void {
    const record = recordOf(line);
    if (record === undefined) this.#options.onText(line);
    else this.#take(record);
  }

  /** A line of standard error: the error that ended it, or words of a program that it ran. */
  errorLine(line: string): void {
    const record = recordOf(line);
    if (record?.type === 'error') {
      this.#problem = problemOf(record);
      this.#options.onText(this.#problem.message);
    } else {
      this.#options.onText(line);
    }
  }

  #take(record: ProgramRecord): void {
    const { onProgress, onRecord, onText } = this.#options;
    switch (record.type) {
      case 'phase':
        this.#phase = textOf(record['phase']);
        onProgress?.({ phase: this.#phase });
        break;
      case 'progress': {
        const { type: _type, pathBytes: _bytes, ...progress } = record;
        onProgress?.({ ...(this.#phase !== undefined && { phase: this.#phase }), ...progress });
        break;
      }
      case 'notice':
        onText(textOf(record['message']));
        break;
      case 'problem':
        this.#takeProblem(record);
        break;
      case 'summary':
        this.#counters = countersOf(record, this.#counters);
        break;
      default:
        if (onRecord !== undefined) onRecord(record);
        else if (this.others.length < MOST_RECORDS) this.others.push(record);
    }
  }

  #takeProblem(record: ProgramRecord): void {
    const message = textOf(record['message']);
    const place = textOf(record['path']);
    const text = place === '' || message.includes(place) ? message : `${place}: ${message}`;
    if (this.#warnings.length < MOST_WARNINGS) this.#warnings.push(text);
    this.#options.onText(`${textOf(record['severity'])}: ${text}`);
  }
}

function recordOf(line: string): ProgramRecord | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as unknown;
    const isRecord = typeof value === 'object' && value !== null && 'type' in value;
    return isRecord && typeof value.type === 'string' ? (value as ProgramRecord) : undefined;
  } catch {
    return undefined; // words of a program that begin with a brace
  }
}

function problemOf(record: ProgramRecord): RunProblem {
  const hint = record['hint'];
  return {
    code: textOf(record['code']) || 'internal',
    message: textOf(record['message']),
    ...(typeof hint === 'string' && { hint }),
  };
}

/**
 * An operation with several parts tells a summary of each. Of parts of one kind (dumps of several databases) the numbers are added; of different ones (forget,
 * then prune) details are put together.
 */
function countersOf(record: ProgramRecord, before: StepCounters = {}): StepCounters {
  const isSame = before.details?.['operation'] === record['operation'];
  const counters: Record<string, number> = {};
  const details: Record<string, string | number | boolean> = { ...before.details };
  for (const [name, value] of Object.entries(record)) {
    if (['type', 'snapshot', 'dryRun', 'milliseconds'].includes(name)) continue;
    const counter = counterNames.find((known) => known === name);
    const known = counter === undefined ? details[name] : before[counter];
    const sum =
      isSame && typeof value === 'number' && typeof known === 'number' ? known + value : value;
    if (counter === undefined) {
      if (['string', 'number', 'boolean'].includes(typeof sum)) details[name] = sum as string;
    } else if (typeof sum === 'number') counters[name] = sum;
  }
  const { snapshot } = record as ProgramRecord & { readonly snapshot?: unknown };
  const others = isSame ? [before.details?.['snapshots'] ?? before.snapshot ?? []].flat() : [];
  return {
    ...before,
    ...(typeof snapshot === 'string' && { snapshot }),
    ...counters,
    details:
      others.length > 0 && typeof snapshot === 'string'
        ? { ...details, snapshots: [...others, snapshot].join(' ') }
        : details,
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
