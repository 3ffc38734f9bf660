import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import type { DatabaseAddress } from './database-url.ts';
import type { DumpFormat } from './dump-format.ts';
import type { ToolRunner } from './tool-runner.ts';

/** Which databases are dumped, and how. */
export interface DumpRequest {
  readonly address: DatabaseAddress;
  readonly tools: ToolRunner;
  readonly clock: Clock;
  /** PostgreSQL; `custom` by default. */
  readonly format?: 'plain' | 'custom' | 'directory' | undefined;
  /** PostgreSQL: roles and tablespaces; by default if all databases are dumped. MariaDB: users and their rights, if asked for. */
  readonly globals?: boolean | undefined;
  /** Extended regular expressions on the names of databases, found anywhere in them. */
  readonly include?: string | undefined;
  readonly exclude?: string | undefined;
  /** More arguments for the tool. */
  readonly arguments?: readonly string[] | undefined;
  /** How long a server that does not answer is waited for, milliseconds. */
  readonly wait: number;
  /** Where temporary files may be made on this machine; the system's place by default. */
  readonly temporaryDirectory?: string | undefined;
  /** What snapshots are called instead of by server and database. */
  readonly name?: string | undefined;
}

/**
 * A dump that can be made: nothing is read of it before its stream is. The stream ends only if the dump is complete: every program ended well, and what they
 * wrote begins and ends as such a dump does. It is never a file on a disk of this machine, except for SQLite and PostgreSQL's `directory`, which are made in a
 * temporary directory first.
 */
export interface DatabaseDump {
  /** Of the database; `undefined` for globals, and for what holds all databases of a server. */
  readonly database: string | undefined;
  readonly format: DumpFormat;
  /** A name for a file, without slashes: `app.dump`. */
  readonly fileName: string;
  /** What the snapshot shows as its source, the same at each backup: `postgresql/db.example/app.dump`. */
  readonly label: string;
  /** Something worth knowing about how consistent it will be. */
  readonly notice?: string | undefined;
  /** @throws AppError `database/failed`, `process/failed`, `container/…` while it is read */
  stream(options?: CallOptions): AsyncGenerator<Uint8Array, void, void>;
}
