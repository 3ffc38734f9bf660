import type { Readable, Writable } from 'node:stream';

import type { Clock } from '../base/clock.ts';

/** All of the outside world that the command line touches, so that tests run commands in process. */
export interface CliContext {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Aborts when the user wants to stop. */
  readonly signal: AbortSignal;
  /** Has SIGHUP handed to a listener instead of stopping, until it is disposed of. */
  readonly onHangUp?: (listener: () => void) => Disposable;
  readonly terminal: TerminalFacts;
  /** IANA name of the zone that times are read and shown in. */
  readonly timeZone: string;
  /** Relative paths are relative to this. */
  readonly workingDirectory: string;
  readonly version: string;
}

/** What is known about the terminal. */
export interface TerminalFacts {
  /** Questions can be asked: standard input and standard error are terminals. */
  readonly interactive: boolean;
  /** Standard output is a terminal. */
  readonly output: boolean;
  /** Standard error is a terminal: progress can be shown. */
  readonly progress: boolean;
  /** How many characters fit in a line, asked anew each time. */
  columns(): number;
  readonly colour: boolean;
}
