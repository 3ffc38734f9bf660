import type { ChannelSettings } from './channel.ts';
import type { BlackoutWindow, JobSchedule } from './job-schedule.ts';
import type { Hook, Job, JobDestination, NotifyRule } from './job.ts';

/** A whole configuration: what a file says, what the environment of a container says, or what the catalog holds. */
export interface Configuration {
  readonly jobs: readonly Job[];
  /** Destinations that jobs name in their `url`. */
  readonly destinations: Readonly<Record<string, JobDestination>>;
  readonly channels: Readonly<Record<string, ChannelSettings>>;
  /** Schedules by name, besides `hourly` and its like: `nightly: "30 3 * * *"`. They may be given anew. */
  readonly periodicities: Readonly<Record<string, JobSchedule>>;
  readonly settings: ServiceSettings;
}

/** What is not of a single job. Durations are texts. */
export interface ServiceSettings {
  /** IANA name; by default `TZ`, else that of the machine. */
  readonly timeZone?: string;
  /** How runs and reports call this machine; its fully qualified name by default. */
  readonly hostname?: string;
  /** How many runs may work at the same time, 2 by default. */
  readonly parallel?: number;
  /** Whom to tell about jobs that say nothing else. */
  readonly notify?: readonly NotifyRule[];
  /** Hooks around every job. */
  readonly hooks?: readonly Hook[];
  readonly blackout?: readonly BlackoutWindow[];
  /** How long finished runs are remembered, `1Y` by default; at least the last ten of each job and its last success always are. */
  readonly history?: string;
  /** How often an alarm for a missed backup is repeated until the job has succeeded: a duration, `1D` by default, or `off`. */
  readonly alarmReminder?: string;
  /** Address of a Docker-compatible engine: `unix:///run/docker.sock`, `tcp://host:2375`, `tcp://host:2376?tls=/directory/of/certificates`. */
  readonly containerSocket?: string;
  /** Labels of the metrics. */
  readonly metricsLabels?: Readonly<Record<string, string>>;
  /** A JSON file that always tells how things stand. */
  readonly statusFile?: string;
  /** Text file for the node exporter of Prometheus. */
  readonly metricsFile?: string;
}
