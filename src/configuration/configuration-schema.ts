import path from 'node:path';

import { z } from 'zod';

import type { Configuration, ServiceSettings } from '../model/configuration.ts';
import type { ChannelSettings } from '../model/channel.ts';
import type { Job, JobDestination } from '../model/job.ts';
import type { JobSchedule } from '../model/job-schedule.ts';
import { channelSchema } from './channel-schema.ts';
import {
  ConfigurationError,
  type ConfigurationProblem,
  problemsOf,
} from './configuration-problem.ts';
import {
  backupJob,
  commandsJob,
  destination,
  hook,
  jobOf,
  jobSchemaFor,
  notifyRule,
  taskJob,
} from './schema/job-schema.ts';
import { blackoutWindow, jobSchedule, timeZone } from './schema/schedule-schema.ts';
import { duration, name, strictObject } from './schema/values.ts';

export const settingsSchema = strictObject({
  timeZone: timeZone.exactOptional(),
  hostname: z.string().min(1).exactOptional(),
  parallel: z.int().min(1).max(256).exactOptional(),
  notify: z.array(notifyRule).exactOptional(),
  hooks: z.array(hook).exactOptional(),
  blackout: z.array(blackoutWindow).exactOptional(),
  history: duration.exactOptional(),
  alarmReminder: z.union([z.literal('off'), duration]).exactOptional(),
  containerSocket: z
    .string()
    .regex(/^(?:unix:\/\/|tcp:\/\/|\/)/u, {
      error: 'Write unix:///run/docker.sock or tcp://host:2376',
    })
    .exactOptional(),
  metricsLabels: z
    .record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/u), z.string())
    .exactOptional(),
  statusFile: z.string().min(1).exactOptional(),
  metricsFile: z.string().min(1).exactOptional(),
});

const sections = {
  version: z.literal(1).exactOptional(),
  include: z.union([z.string(), z.array(z.string())]).exactOptional(),
};

/** The whole of a file, for editors: `holdfast config schema`. */
export const configurationFile = strictObject({
  ...sections,
  jobs: z.record(name, z.union([backupJob, taskJob, commandsJob])).exactOptional(),
  destinations: z.record(name, destination).exactOptional(),
  channels: z.record(name, channelSchema).exactOptional(),
  periodicities: z.record(name, jobSchedule).exactOptional(),
  settings: settingsSchema.exactOptional(),
});

const outline = strictObject({
  ...sections,
  jobs: z.record(z.string(), z.unknown()).nullish(),
  destinations: z.record(z.string(), z.unknown()).nullish(),
  channels: z.record(z.string(), z.unknown()).nullish(),
  periodicities: z.record(z.string(), z.unknown()).nullish(),
  settings: z.unknown().optional(),
});

/**
 * Reads what a file, an import or the API says, after YAML, TOML or JSON have been taken off. Names and expressions that point elsewhere in the configuration are
 * looked at by `checkConfiguration`.
 *
 * @throws ConfigurationError with everything that is wrong
 */
export function parseConfiguration(written: unknown): Configuration {
  const problems: ConfigurationProblem[] = [];
  const found = outline.safeParse(written ?? {});
  if (!found.success) throw new ConfigurationError(problemsOf(found.error, []));
  const { jobs, destinations, channels, periodicities, settings } = found.data;
  const section = <Value>(
    key: string,
    values: Readonly<Record<string, unknown>> | null | undefined,
    read: (value: unknown, under: string) => Value,
  ): Record<string, Value> => {
    const result: Record<string, Value> = {};
    for (const [under, value] of Object.entries(values ?? {})) {
      try {
        checkName(under);
        result[under] = read(value, under);
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        problems.push(
          ...error.problems.map((one) => ({ ...one, path: [key, under, ...one.path] })),
        );
      }
    }
    return result;
  };
  const read = {
    jobs: Object.values(section('jobs', jobs, (value, under) => parseJob(under, value))),
    destinations: section('destinations', destinations, parseDestination),
    channels: section('channels', channels, parseChannel),
    periodicities: section('periodicities', periodicities, parseSchedule),
  };
  let readSettings: ServiceSettings = {};
  try {
    readSettings = parseSettings(settings ?? {});
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    problems.push(...error.problems.map((one) => ({ ...one, path: ['settings', ...one.path] })));
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { ...read, settings: readSettings };
}

/** A job as it is written below its name; `kind` may be left out. @throws ConfigurationError */
export function parseJob(jobName: string, written: unknown): Job {
  const result = jobSchemaFor(written).safeParse(written);
  if (!result.success)
    throw new ConfigurationError(problemsOf(result.error, []), `The job "${jobName}"`);
  return checkedJob(jobOf(jobName, result.data));
}

/** @throws ConfigurationError */
export const parseDestination = (written: unknown): JobDestination => parsed(destination, written);
/** @throws ConfigurationError */
export const parseChannel = (written: unknown): ChannelSettings => parsed(channelSchema, written);
/** @throws ConfigurationError */
export const parseSchedule = (written: unknown): JobSchedule => parsed(jobSchedule, written);
/** @throws ConfigurationError */
export const parseSettings = (written: unknown): ServiceSettings => parsed(settingsSchema, written);

/** The JSON Schema (draft 2020-12) of a configuration file. */
export function configurationJsonSchema(): Record<string, unknown> {
  return {
    title: 'Configuration of Holdfast',
    ...z.toJSONSchema(configurationFile, { io: 'input', unrepresentable: 'any', reused: 'ref' }),
  };
}

function parsed<Output>(schema: z.ZodType<Output>, written: unknown): Output {
  const result = schema.safeParse(written);
  if (!result.success) throw new ConfigurationError(problemsOf(result.error, []));
  return result.data;
}

function checkName(text: string): void {
  const result = name.safeParse(text);
  if (!result.success) throw new ConfigurationError(problemsOf(result.error, []));
}

/** What a schema cannot say of a job alone. */
function checkedJob(job: Job): Job {
  const problem = (where: (string | number)[], message: string): ConfigurationError =>
    new ConfigurationError([{ path: where, message }], `The job "${job.name}"`);
  if (job.kind === 'backup') {
    if (job.destinations.length === 0)
      throw problem([], 'Nothing says where to: give a "destination"');
    if ((job.sources ?? []).length === 0 && (job.databases ?? []).length === 0) {
      throw problem([], 'Nothing says what to back up: give "sources" or "databases"');
    }
    for (const [index, source] of (job.sources ?? []).entries()) {
      if (path.isAbsolute(source)) continue;
      throw problem(['sources', index], `"${source}" is not an absolute path`);
    }
    if (
      job.filters?.rules !== undefined &&
      (job.filters.exclude ?? job.filters.include) !== undefined
    ) {
      throw problem(
        ['filters'],
        '"rules" stand instead of "exclude" and "include", not beside them',
      );
    }
  }
  if (job.kind === 'task' && Object.values(job.steps).every((step) => step.trim() === '')) {
    throw problem(['steps'], 'The task has no step: give at least "load"');
  }
  return job;
}
