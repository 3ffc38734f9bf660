import type { JobSchedule } from './job-schedule.ts';
import type { SecretValue } from './secret-value.ts';

/**
 * What goes where and when, how long it is kept, who is told. The same shape in a configuration file (below the job's name), in the catalog, in an
 * export and in the API; plain JSON. Durations, sizes and schedules are texts as people write them.
 */
export type Job = BackupJob | TaskJob | CommandsJob;

/** What all kinds of jobs have. */
export interface JobBase {
  /** Unique; letters, digits, `.`, `_`, `-`; at most 100. */
  readonly name: string;
  readonly description?: string;
  /** `true` by default. */
  readonly enabled?: boolean;
  /** `manual` by default. */
  readonly schedule?: JobSchedule | readonly JobSchedule[];
  /** Runs of one queue come one after the other, besides those that use the same repository. */
  readonly queue?: string;
  readonly conditions?: JobConditions;
  /** What a run does that finds another one of the same job or repository under way. */
  readonly busy?: {
    readonly mode: 'wait' | 'skip' | 'fail';
    /** A duration; 60 minutes by default. */ readonly timeout?: string;
  };
  /** A run that takes longer is ended and has failed. A duration. */
  readonly timeout?: string;
  readonly hooks?: readonly Hook[];
  readonly containers?: ContainerRule;
  /** Variables for the hooks, commands and tasks of the job, and for its database tools. */
  readonly environment?: Readonly<Record<string, SecretValue>>;
  readonly notify?: readonly NotifyRule[];
  /** An alarm if there was no success for so long, also if there never was one. A duration, `off`, or (default) from the schedule. */
  readonly alarm?: string;
  readonly resources?: Resources;
}

export interface BackupJob extends JobBase {
  readonly kind: 'backup';
  /** Paths. */
  readonly sources?: readonly string[];
  /** Databases, dumped into the same snapshot time, each a snapshot of its own. */
  readonly databases?: readonly DatabaseSource[];
  /** In order; one that fails does not stop the others. */
  readonly destinations: readonly JobDestination[];
  readonly filters?: JobFilters;
  readonly tags?: readonly string[];
  /** Host name to record. */
  readonly host?: string;
  /** Flags of `holdfast backup` by name without dashes ("compression": "best", "force-read": true). */
  readonly options?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly retention?: JobRetention;
  readonly check?: JobCheck;
  readonly drill?: JobDrill;
}

/** A pipeline of shell steps that share one shell: prepare, extract, transform, load, succeed or failed, finally. */
export interface TaskJob extends JobBase {
  readonly kind: 'task';
  readonly steps: Readonly<Partial<Record<TaskStep, string>>>;
  /** Makes it a restore task too: run by `execute-restore`, in the order of `<value>_<name>`. */
  readonly restore?: string;
  /** `strict` (default): errexit and pipefail. */
  readonly shell?: 'strict' | 'plain';
  /** A duration for each step. */
  readonly stepTimeout?: string;
  /** `src` and `dst` lie in `<workDirectory>/<name>`. */
  readonly workDirectory?: string;
}

export const taskSteps = [
  'prepare',
  'extract',
  'transform',
  'load',
  'succeed',
  'failed',
  'finally',
] as const;
export type TaskStep = (typeof taskSteps)[number];

/** Commands that run one after the other by `sh`; one that fails does not stop the others, but the run has failed. */
export interface CommandsJob extends JobBase {
  readonly kind: 'commands';
  readonly commands: readonly JobCommand[];
  readonly directory?: string;
}

export interface JobCommand {
  /** What it is called in reports: `300`. */
  readonly name: string;
  readonly command: string;
  /** Pinged for this command alone. */
  readonly healthchecksUrl?: SecretValue;
  readonly uptimeKumaUrl?: SecretValue;
}

/** A repository: where, and how it is opened. */
export interface JobDestination {
  /** What it is called in reports and by hooks; its number by default. */
  readonly name?: string;
  /** `scheme://…`, also the name of one of the configuration's destinations. */
  readonly url: SecretValue;
  readonly passphrase?: SecretValue;
  /** No passphrase on purpose. */
  readonly unencrypted?: boolean;
  readonly format?: 'native' | 'duplicity';
  /** Options of the storage. */
  readonly options?: Readonly<Record<string, SecretValue>>;
  /** Variables for this destination only. */
  readonly environment?: Readonly<Record<string, SecretValue>>;
  /** Flags for commands on this destination only, by name without dashes. */
  readonly flags?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/** As the flags of `holdfast backup` of the same names. */
export interface JobFilters {
  readonly exclude?: readonly string[];
  readonly include?: readonly string[];
  /** Rules in order, each beginning with `+ ` or `- `; instead of the two lists where their order matters. */
  readonly rules?: readonly string[];
  readonly excludeFrom?: readonly string[];
  readonly excludeIfPresent?: readonly string[];
  readonly excludeCaches?: boolean;
  readonly excludeLargerThan?: string;
  readonly oneFileSystem?: boolean;
}

/** Which snapshots stay, as the flags of `holdfast forget`. */
export interface JobRetention {
  readonly keepLast?: number;
  readonly keepHourly?: number;
  readonly keepDaily?: number;
  readonly keepWeekly?: number;
  readonly keepMonthly?: number;
  readonly keepYearly?: number;
  readonly keepWithin?: string;
  /** Besides what the other rules keep; alone they drop nothing. */
  readonly keepTags?: readonly string[];
  /** Duplicati's list `1W:1D,4W:1W,12M:1M`. */
  readonly policy?: string;
  /** By default after each successful backup of the job. */
  readonly schedule?: JobSchedule;
  /** Free the space as well; `true` by default. */
  readonly prune?: boolean;
}

export interface JobCheck {
  readonly schedule: JobSchedule;
  /** How much content is read: `10%`, `500M`, `1/7`, `all`; none by default. */
  readonly readData?: string;
}

/** A restore for practice: a sample into a sandbox, compared with what was recorded when it was backed up; a dump into a scratch database. */
export interface JobDrill {
  readonly schedule: JobSchedule;
  /** How many files at most, 100 by default. */
  readonly files?: number;
  /** How many bytes at most, a size; 1G by default. */
  readonly bytes?: string;
  /** Where the sandbox is made; the system's temporary directory by default. */
  readonly directory?: string;
  /** Read from cold storage although that costs money and time. */
  readonly coldStorage?: boolean;
  /** Databases into which dumps are loaded, by the name of the database source: the URL of a server where scratch databases may be made. */
  readonly scratch?: Readonly<Record<string, SecretValue>>;
}

/** A database that is dumped into the repository. */
export interface DatabaseSource {
  /** What its snapshots are called; that of the database by default. */
  readonly name?: string;
  /** `postgresql://`, `mariadb://`, `mysql://`, `sqlite:///path`, `redis://`, `mongodb://`; without a database name: every one of the server. */
  readonly url: SecretValue;
  readonly password?: SecretValue;
  /** PostgreSQL: `plain`, `custom` (default), `directory`. */
  readonly format?: string;
  /** PostgreSQL: roles and tablespaces too; `true` by default when all databases are dumped. */
  readonly globals?: boolean;
  /** Extended regular expressions on names of databases. */
  readonly include?: string;
  readonly exclude?: string;
  /** Run the tools in this container; its address is used if it has none. */
  readonly container?: string;
  /** More arguments for the dump tool. */
  readonly arguments?: readonly string[];
  /** A duration to wait for a server that does not answer, 30 s by default. */
  readonly wait?: string;
}

/** A program that is run around the work. */
export interface Hook {
  readonly when: 'before' | 'after' | 'success' | 'warning' | 'failure' | 'skip' | 'finally';
  /** Which activities it is for; `backup`, `task` and `commands` by default. */
  readonly activities?: readonly Activity[];
  /** A shell command, or a program with its arguments. */
  readonly command: string | readonly string[];
  /** Run inside this container. */
  readonly container?: string;
  /** Around each destination instead of around the whole run, for those of this name or for `each`. */
  readonly destination?: string;
  /** A duration; 10 minutes by default. A hook that takes longer is ended and has failed. */
  readonly timeout?: string;
  /** `fail` (default for `before`): the run has failed and does nothing more; `cancel`: it is skipped quietly; `ignore` (default for the others): told as a warning; `retry`: tried again, then `fail`. */
  readonly onError?: 'fail' | 'cancel' | 'ignore' | 'retry';
}

/** Containers that are stopped while the job works, and started again. */
export interface ContainerRule {
  /** Those with this label (`name` or `name=value`) … */
  readonly label?: string;
  /** … and these names or ids, in the order in which they are stopped; started in the opposite one. */
  readonly names?: readonly string[];
  /** A duration, 60 s by default; then the engine kills them. */
  readonly stopTimeout?: string;
  /** How long they are waited for until they are healthy; 2 minutes by default. */
  readonly startTimeout?: string;
}

export interface JobConditions {
  /** `skip` (default) or `postpone`, until they hold. */
  readonly otherwise?: 'skip' | 'postpone';
  /** Not on battery, or not with less than so many percent. */
  readonly battery?: 'any' | 'never' | number;
  /** `never`: not over a metered connection. */
  readonly metered?: 'any' | 'never';
  /** A connection must be there. */
  readonly network?: boolean;
  /** The destinations must be there: a disk that is not plugged in is no failure. */
  readonly destinationPresent?: boolean;
}

/** Whom to tell about what. */
export interface NotifyRule {
  /** Name of a channel of the configuration. */
  readonly channel: string;
  /** By default what the type of the channel is for. */
  readonly on?: readonly NoticeEvent[];
  /** By default what is bad of all activities, and the rest of those that are not done by the way: not of retention and checks. */
  readonly activities?: readonly Activity[];
}

export const noticeEvents = [
  'started',
  'succeeded',
  'warned',
  'failed',
  'skipped',
  'missed',
  'recovered',
  'drill',
] as const;
/** `missed`: the dead-man alarm. `recovered`: the first success after a failure or alarm. `drill`: the outcome of a drill, good or bad. */
export type NoticeEvent = (typeof noticeEvents)[number];

export interface Resources {
  readonly nice?: number;
  readonly ioClass?: 'idle' | 'best-effort';
  readonly limitUpload?: string;
  readonly limitDownload?: string;
}

export const activities = [
  'backup',
  'retention',
  'check',
  'drill',
  'restore',
  'task',
  'commands',
] as const;
/** What a run does. */
export type Activity = (typeof activities)[number];
