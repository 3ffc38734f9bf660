/** What a kind of database calls things. */
export interface Words {
  readonly integer: string;
  readonly bytes: string;
  /** What ends the definition of a table. */
  readonly end: string;
  /** What stands before the name of a table. */
  readonly schema: string;
}

/** Statements, in order. */
export type Migration = (words: Words) => readonly string[];

/** Each brings a catalog from the version that is its index to the next one. What has been released is never changed. */
export const migrations: readonly Migration[] = [first];

function first({ integer, bytes, end, schema }: Words): readonly string[] {
  const table = (name: string, ...lines: readonly string[]): string =>
    `create table ${schema}${name} (${lines.join(', ')})${end}`;
  return [
    table('properties', 'name text primary key', 'value text not null'),
    table(
      'documents',
      'kind text not null',
      'name text not null',
      `revision ${integer} not null`,
      'origin text not null',
      `sealed ${bytes} not null`,
      'primary key (kind, name)',
    ),
    table(
      'schedule_entries',
      'entry text primary key',
      `considered_until ${integer} not null`,
      `skip_next ${integer} not null`,
      `last_queued ${integer}`,
    ),
    table(
      'runs',
      'id text primary key',
      'job text not null',
      'activity text not null',
      'trigger_kind text not null',
      'state text not null',
      `priority ${integer} not null`,
      `scheduled_for ${integer}`,
      `queued_at ${integer} not null`,
      `not_before ${integer}`,
      `started_at ${integer}`,
      `finished_at ${integer}`,
      'reason text',
      'problem text',
      'parameters text',
      'keys text not null',
      'steps text not null',
      'outputs text',
      'worker_id text',
      'worker text',
      `lease_until ${integer}`,
      `cancel_requested ${integer} not null`,
    ),
    `create index runs_waiting on ${schema}runs (priority desc, queued_at, id) where state = 'queued'`,
    `create index runs_running on ${schema}runs (id) where state = 'running'`,
    `create index runs_by_age on ${schema}runs (queued_at, id)`,
    `create index runs_of_job on ${schema}runs (job, activity, queued_at)`,
    table(
      'run_keys',
      `run text not null references ${schema}runs (id) on delete cascade`,
      'key text not null',
      `held ${integer} not null`,
      'primary key (run, key)',
    ),
    // No two running runs share a key, whatever else goes wrong.
    `create unique index held_keys on ${schema}run_keys (key) where held = 1`,
    table(
      'histories',
      'job text not null',
      'activity text not null',
      'last_run text',
      'last_success text',
      'last_failure text',
      `failures_in_a_row ${integer} not null`,
      'primary key (job, activity)',
    ),
    table(
      'journal',
      'id text primary key',
      'kind text not null',
      'run text not null',
      'host text not null',
      'data text not null',
    ),
    table(
      'outbox',
      'id text primary key',
      'channel text not null',
      'report_id text not null',
      'report text not null',
      `not_before ${integer} not null`,
      `added_at ${integer} not null`,
      `attempts ${integer} not null`,
      'last_error text',
      'held_by text',
      `held_until ${integer} not null`,
      `given_up ${integer} not null`,
      'unique (channel, report_id)',
    ),
    table('notes', 'name text primary key', 'value text not null'),
  ];
}
