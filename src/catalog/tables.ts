/** The tables of a catalog, the same in SQLite and PostgreSQL. Times are milliseconds since 1970; what is called JSON is text. */
export interface Tables {
  properties: PropertyRow;
  documents: DocumentRow;
  schedule_entries: ScheduleEntryRow;
  runs: RunRow;
  run_keys: RunKeyRow;
  histories: HistoryRow;
  journal: JournalRow;
  outbox: OutboxRow;
  notes: NoteRow;
}

/** Single values about the catalog itself. */
interface PropertyRow {
  name: string;
  value: string;
}

export interface DocumentRow {
  kind: string;
  name: string;
  revision: number;
  origin: string;
  /** JSON, encrypted. */
  sealed: Uint8Array;
}

export interface ScheduleEntryRow {
  entry: string;
  considered_until: number;
  skip_next: number;
  last_queued: number | null;
}

export interface RunRow {
  id: string;
  job: string;
  activity: string;
  trigger_kind: string;
  state: string;
  priority: number;
  scheduled_for: number | null;
  queued_at: number;
  not_before: number | null;
  started_at: number | null;
  finished_at: number | null;
  reason: string | null;
  /** JSON. */
  problem: string | null;
  /** JSON. */
  parameters: string | null;
  /** JSON: a list. */
  keys: string;
  /** JSON: a list, without what they printed. */
  steps: string;
  /** JSON: what the steps printed, in their order, `null` for nothing; apart, because it is long and rarely asked for. */
  outputs: string | null;
  worker_id: string | null;
  /** JSON: its identity. */
  worker: string | null;
  lease_until: number | null;
  /** 1 if somebody wants it to end. */
  cancel_requested: number;
}

/** A key that a run wants, and holds (1) while it is running: no key is held twice. */
interface RunKeyRow {
  run: string;
  key: string;
  held: number;
}

export interface HistoryRow {
  job: string;
  activity: string;
  last_run: string | null;
  last_success: string | null;
  last_failure: string | null;
  failures_in_a_row: number;
}

interface JournalRow {
  id: string;
  kind: string;
  run: string;
  host: string;
  /** JSON. */
  data: string;
}

export interface OutboxRow {
  id: string;
  channel: string;
  report_id: string;
  /** JSON. */
  report: string;
  not_before: number;
  added_at: number;
  attempts: number;
  last_error: string | null;
  held_by: string | null;
  held_until: number;
  /** 1 if nobody tries any more. */
  given_up: number;
}

interface NoteRow {
  name: string;
  value: string;
}
