import type { OperationEvent } from '../../model/event.ts';

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined };

/** One line of `--json`. */
export interface JsonRecord {
  readonly type: string;
  readonly [name: string]: JsonValue | undefined;
}

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/**
 * What a command says. Two renderers: text and JSON. A command gives both a `line` or `table` and an `object` for each result; each
 * renderer takes what is its own. Events of operations go to `report` and come out in both. Names must be made fit for the terminal with
 * `displayPath` before they go into a line.
 */
export interface Output {
  readonly json: boolean;
  /** The reader of standard output has gone: a command that only prints may stop. */
  readonly closed: boolean;
  report(event: OperationEvent): void;
  /** A result, for JSON only. */
  object(record: JsonRecord): void;
  /** A result, for text only. */
  line(text: string): void;
  /** Something said by the way, for text only; not with `--quiet`. */
  note(text: string): void;
  /** Results, for text only; nothing if there are no rows. */
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void;
  /** Takes the progress line away until the next event: before a question. */
  pause(): void;
  /** Resolves when standard output has taken what was written: call it now and then in a long list. */
  flush(): Promise<void>;
  /** Takes the progress line away for good. */
  close(): void;
}
