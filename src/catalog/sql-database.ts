import type { Kysely } from 'kysely';

import type { CallOptions } from '../base/call-options.ts';
import type { Tables } from './tables.ts';

/** What the stores see of a database: all their statements are the same for both kinds. */
export type Statements = Pick<
  Kysely<Tables>,
  'selectFrom' | 'insertInto' | 'updateTable' | 'deleteFrom'
>;

export interface WriteOptions extends CallOptions {
  /** Only one transaction with the same gate is under way, in all processes. (In SQLite only one that writes is anyway.) */
  readonly gate?: 'configuration' | 'queue' | 'outbox' | 'notes';
}

/** A database that a catalog lies in. Whatever fails is an `AppError`. */
export interface SqlDatabase extends AsyncDisposable {
  readonly kind: 'sqlite' | 'postgresql';
  /** For people: a path, or a URL without secrets. */
  readonly location: string;
  /** Reads in one consistent view. */
  read<Result>(work: (view: Statements) => Promise<Result>, options?: CallOptions): Promise<Result>;
  /** All of it happens, durably, or nothing. It may be done again from the start when another process was in the way, so `work` changes nothing else. */
  write<Result>(
    work: (transaction: Statements) => Promise<Result>,
    options?: WriteOptions,
  ): Promise<Result>;
  /** Who tells that a run waits, and who is told. */
  readonly bell: WorkBell;
}

/** Tells workers, in this and in other processes, that there is something to do. */
export interface WorkBell {
  /** In the transaction that queues a run or puts it back. */
  queued(transaction: Statements, run: WaitingRun): Promise<void>;
  /** In the transaction that claims, cancels or ends a run. */
  taken(transaction: Statements, run: string, how: 'claimed' | 'over'): Promise<void>;
  /** After a transaction after which a run may be claimed that could not be before. */
  ring(): void;
  /** Resolves at the next ring, or after a time in milliseconds. */
  wait(milliseconds: number, options?: CallOptions): Promise<void>;
}

export interface WaitingRun {
  readonly id: string;
  readonly priority: number;
  readonly notBefore: number | undefined;
}
