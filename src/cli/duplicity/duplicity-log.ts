import { localFields } from '../../base/time-zone.ts';
import type { CliContext } from '../context.ts';
import { StreamWriter } from '../output/stream-writer.ts';
import { bytesOfText, type LogText } from './log-text.ts';

/** What a message is about, in numbers that front ends know. */
export const warningCodes = {
  generic: 1,
  orphanedSignatures: 2,
  unnecessarySignatures: 3,
  unmatchedSignatures: 4,
  incompleteSets: 5,
  orphanedSets: 6,
  cannotIterate: 8,
  cannotStat: 9,
  cannotRead: 10,
  noSignaturesForTime: 11,
  cannotProcess: 12,
} as const;

export const infoCodes = {
  generic: 1,
  progress: 2,
  collectionStatus: 3,
  newFile: 4,
  changedFile: 5,
  deletedFile: 6,
  writingFile: 7,
  fileList: 10,
  uploadProgress: 16,
  socket: 15,
} as const;

/** From what `--verbosity` a level is shown. */
const thresholds = { ERROR: 0, WARNING: 2, NOTICE: 3, INFO: 5, DEBUG: 9 } as const;

export type LogLevel = keyof typeof thresholds;

export interface LogDetails {
  /** Error, warning or info code. */
  readonly code?: number;
  /** What stands behind the code in the machine log. */
  readonly extra?: string;
  /** Show it whatever the verbosity. */
  readonly always?: boolean;
}

/** Takes the bytes of the machine log: a file or a descriptor. */
export interface MachineSink {
  write(bytes: Uint8Array): void;
  close(): void;
}

/**
 * What the drop-in says, twice: for people on standard output (errors on standard error), and as stanzas for programs, as `--log-fd` and `--log-file` of duplicity write them: a line with
 * level, code and values, the text with ". " before each line, and an empty line.
 */
export class DuplicityLog implements Disposable {
  verbosity = 4;
  timestamps = false;
  readonly #context: Pick<CliContext, 'clock' | 'timeZone' | 'terminal'>;
  readonly #results: StreamWriter;
  readonly #errors: StreamWriter;
  readonly #machines: MachineSink[] = [];

  constructor(context: Pick<CliContext, 'clock' | 'timeZone' | 'terminal' | 'stdout' | 'stderr'>) {
    this.#context = context;
    this.#results = new StreamWriter(context.stdout);
    this.#errors = new StreamWriter(context.stderr);
  }

  /** The reader of standard output has gone. */
  get closed(): boolean {
    return this.#results.closed;
  }

  addMachine(sink: MachineSink): void {
    this.#machines.push(sink);
  }

  error(text: LogText, details: LogDetails = {}): void {
    this.log('ERROR', text, details);
  }

  warning(text: LogText, details: LogDetails = {}): void {
    this.log('WARNING', text, details);
  }

  notice(text: LogText, details: LogDetails = {}): void {
    this.log('NOTICE', text, details);
  }

  info(text: LogText, details: LogDetails = {}): void {
    this.log('INFO', text, details);
  }

  isShown(level: LogLevel): boolean {
    return this.verbosity >= thresholds[level];
  }

  log(level: LogLevel, text: LogText, { code = 1, extra, always = false }: LogDetails): void {
    if (!always && !this.isShown(level)) return;
    const bytes = bytesOfText(text);
    const writer = level === 'ERROR' ? this.#errors : this.#results;
    const terminal = this.#context.terminal;
    const isTerminal = level === 'ERROR' ? terminal.progress : terminal.output;
    writer.write(
      Buffer.concat([
        Buffer.from(this.timestamps ? `${this.#timestamp()} ${level} ` : ''),
        isTerminal ? withoutControls(bytes) : bytes,
        newline,
      ]),
    );
    if (this.#machines.length === 0) return;
    const stanza = stanzaOf(`${level} ${code}${extra === undefined ? '' : ` ${extra}`}`, bytes);
    for (const sink of this.#machines) sink.write(stanza);
  }

  /** Ends the machine logs. */
  [Symbol.dispose](): void {
    for (const sink of this.#machines.splice(0)) sink.close();
  }

  /** Resolves when everything was handed over. */
  async flush(): Promise<void> {
    await this.#results.flush();
    await this.#errors.flush();
  }

  #timestamp(): string {
    const { clock, timeZone } = this.#context;
    const { year, month, day, hour, minute, second, millisecond } = localFields(
      clock.now(),
      timeZone,
    );
    const two = (value: number): string => String(value).padStart(2, '0');
    return `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)},${String(Math.floor(millisecond)).padStart(3, '0')}`;
  }
}

const newline = Buffer.from('\n');

/** The bytes of one message in the machine log. */
export function stanzaOf(head: string, text: Uint8Array): Uint8Array {
  const lines: Uint8Array[] = [Buffer.from(`${head}\n`)];
  let start = 0;
  for (;;) {
    const end = text.indexOf(0x0a, start);
    lines.push(Buffer.from('. '), text.subarray(start, end < 0 ? text.length : end), newline);
    if (end < 0) break;
    start = end + 1;
  }
  return Buffer.concat([...lines, newline]);
}

/** A name must not steer the terminal. Line ends and tabs are our own. */
function withoutControls(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) =>
    (byte < 0x20 && byte !== 0x0a && byte !== 0x09) || byte === 0x7f ? 0x3f : byte,
  );
}
