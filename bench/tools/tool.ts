/** The folders of one program at work on one set of data. All but the source are its own. */
export interface Place {
  readonly source: string;
  readonly repository: string;
  /** What the repository is copied to. */
  readonly copy: string;
  /** Where it restores to; empty at the start. */
  readonly target: string;
  /** For caches, keys and settings; also its home directory. */
  readonly state: string;
}

/** A program and its parameters. */
type Command = readonly string[];

/** What is measured, in this order. */
export const steps = ['first', 'second', 'snapshots', 'check', 'copy', 'restore'] as const;

export type Step = (typeof steps)[number];

/** How one program does what is measured. What it does not have is left out. */
interface Commands extends Readonly<Partial<Record<Step, Command>>> {
  readonly first: Command;
  readonly restore: Command;
  /** What has to be done before a step, as making the repository where that is a command of its own; not measured. */
  readonly prepare?: Readonly<Partial<Record<Step, Command>>>;
  /** Ends what the program leaves running; not measured. */
  readonly cleanUp?: Command;
  /** Where the content of the source lies after the restore. */
  readonly restoredTo: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A program that is measured. */
export interface Tool {
  readonly name: string;
  /** What is set or special about it; one line of the report. */
  readonly settings: string;
  /** Asks for the version, in a line or several of which the first counts. */
  readonly version: Command;
  readonly commands: (place: Place) => Commands;
}

/** The same for all programs; it protects nothing. */
export const passphrase = 'a passphrase for benchmarks only';
