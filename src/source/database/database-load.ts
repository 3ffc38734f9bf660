import type { Clock } from '../../base/clock.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { DatabaseAddress } from './database-url.ts';
import type { DumpFormat } from './dump-format.ts';
import type { ToolRunner } from './tool-runner.ts';

/** A dump that is to be loaded, and where to. */
export interface LoadRequest {
  readonly target: DatabaseAddress;
  readonly tools: ToolRunner;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly wait: number;
  readonly format: DumpFormat;
  /** All of it; if it fails on the way, nothing that was loaded stays where that is possible. */
  readonly dump: AsyncIterable<Uint8Array>;
  /** Make the database; without it, it has to be there. */
  readonly create: boolean;
  /** Replace what the database holds; without it, it has to be empty. */
  readonly clean: boolean;
  /** A database with a name made up for it, which is looked at and removed again, whatever happens. */
  readonly scratch: boolean;
  /** Give objects to the owners and with the rights that they had; these have to be there. */
  readonly owners: boolean;
  /** More arguments for the tool. */
  readonly arguments: readonly string[];
  /** Where temporary files may be made on this machine. */
  readonly temporaryDirectory: string;
  /** Takes note of the name of a scratch database before it is made, so that it can be removed should this program die. */
  readonly onScratch?: (name: string) => void;
}

export interface LoadedTable {
  readonly name: string;
  readonly rows: number;
}

/** What was loaded. */
export interface LoadedDatabase {
  /** Of the database, or the file. */
  readonly name: string;
  /** With `scratch`: everything in it, by name. */
  readonly tables?: readonly LoadedTable[];
}
