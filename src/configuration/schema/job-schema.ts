import { z } from 'zod';

import { AppError } from '../../base/errors.ts';
import { parsePeriod } from '../../base/duration.ts';
import { parseRule } from '../../model/filter-rule.ts';
import {
  activities,
  type BackupJob,
  type CommandsJob,
  type Job,
  type JobDestination,
  noticeEvents,
  type TaskJob,
  type TaskStep,
  taskSteps,
} from '../../model/job.ts';
import { parseTimeframes } from '../../model/timeframe.ts';
import { jobSchedule } from './schedule-schema.ts';
import {
  count,
  duration,
  flagValues,
  name,
  portion,
  regularExpression,
  secretValue,
  size,
  strictObject,
  textFor,
  texts,
} from './values.ts';

const secrets = z.record(z.string(), secretValue);

export const notifyRule = z
  .union([
    z.string().transform((channel) => ({ channel })),
    strictObject({
      channel: z.string().min(1),
      on: z.array(z.enum(noticeEvents)).min(1).exactOptional(),
      activities: z.array(z.enum(activities)).min(1).exactOptional(),
    }),
  ])
  .meta({ description: 'The name of a channel, or {channel, on: [failed, missed, …]}' });

export const hook = strictObject({
  when: z.enum(['before', 'after', 'success', 'warning', 'failure', 'skip', 'finally']),
  activities: z.array(z.enum(activities)).min(1).exactOptional(),
  command: z.union([z.string().min(1), z.array(z.string()).min(1)]),
  container: z.string().min(1).exactOptional(),
  destination: z.string().min(1).exactOptional(),
  timeout: duration.exactOptional(),
  onError: z.enum(['fail', 'cancel', 'ignore', 'retry']).exactOptional(),
});

const containerRule = strictObject({
  label: z.string().min(1).exactOptional(),
  names: z.array(z.string().min(1)).min(1).exactOptional(),
  stopTimeout: duration.exactOptional(),
  startTimeout: duration.exactOptional(),
}).refine(({ label, names }) => label !== undefined || names !== undefined, {
  error: 'Which containers are meant is missing: give a "label" or "names"',
});

const conditions = strictObject({
  otherwise: z.enum(['skip', 'postpone']).exactOptional(),
  battery: z.union([z.enum(['any', 'never']), z.int().min(1).max(100)]).exactOptional(),
  metered: z.enum(['any', 'never']).exactOptional(),
  network: z.boolean().exactOptional(),
  destinationPresent: z.boolean().exactOptional(),
});

/** What all kinds of jobs have. */
const base = {
  description: z.string().exactOptional(),
  enabled: z.boolean().exactOptional(),
  schedule: z.union([jobSchedule, z.array(jobSchedule).min(1)]).exactOptional(),
  queue: name.exactOptional(),
  conditions: conditions.exactOptional(),
  busy: strictObject({
    mode: z.enum(['wait', 'skip', 'fail']),
    timeout: duration.exactOptional(),
  }).exactOptional(),
  timeout: duration.exactOptional(),
  hooks: z.array(hook).exactOptional(),
  containers: containerRule.exactOptional(),
  environment: secrets.exactOptional(),
  notify: z.array(notifyRule).exactOptional(),
  alarm: z.union([z.literal('off'), duration]).exactOptional(),
  resources: strictObject({
    nice: z.int().min(-20).max(19).exactOptional(),
    ioClass: z.enum(['idle', 'best-effort']).exactOptional(),
    limitUpload: size.exactOptional(),
    limitDownload: size.exactOptional(),
  }).exactOptional(),
};

const detailedDestination = strictObject({
  name: name.exactOptional(),
  url: secretValue,
  passphrase: secretValue.exactOptional(),
  unencrypted: z.boolean().exactOptional(),
  format: z.enum(['native', 'duplicity']).exactOptional(),
  options: secrets.exactOptional(),
  environment: secrets.exactOptional(),
  flags: flagValues.exactOptional(),
});

/** A URL, the name of a destination of the configuration, or an object that says more. */
export const destination = z.union([
  z
    .string()
    .min(1)
    .transform((url): JobDestination => ({ url })),
  detailedDestination,
]);

const destinations = z.union([
  z
    .string()
    .min(1)
    .transform((url): JobDestination[] => [{ url }]),
  detailedDestination.transform((one): JobDestination[] => [one]),
  z.array(destination).min(1),
]);

const databaseSource = z.union([
  z
    .string()
    .min(1)
    .transform((url) => ({ url })),
  strictObject({
    name: name.exactOptional(),
    url: secretValue,
    password: secretValue.exactOptional(),
    format: z.enum(['plain', 'custom', 'directory']).exactOptional(),
    globals: z.boolean().exactOptional(),
    include: regularExpression.exactOptional(),
    exclude: regularExpression.exactOptional(),
    container: z.string().min(1).exactOptional(),
    arguments: z.array(z.string()).exactOptional(),
    wait: duration.exactOptional(),
  }),
]);

const filterRule = textFor('A filter: "- *.o" leaves out, "+ *.c" takes', (text) => {
  const written = /^([+-]) (.+)$/u.exec(text);
  if (written === null) {
    throw new AppError(
      'input/invalid',
      `"${text}" is not a rule: write "- PATTERN" or "+ PATTERN"`,
    );
  }
  parseRule(written[2]!, written[1] === '+' ? 'include' : 'exclude');
});

const filters = strictObject({
  exclude: texts.exactOptional(),
  include: texts.exactOptional(),
  rules: z.array(filterRule).exactOptional(),
  excludeFrom: texts.exactOptional(),
  excludeIfPresent: texts.exactOptional(),
  excludeCaches: z.boolean().exactOptional(),
  excludeLargerThan: size.exactOptional(),
  oneFileSystem: z.boolean().exactOptional(),
});

const retention = strictObject({
  keepLast: count.exactOptional(),
  keepHourly: count.exactOptional(),
  keepDaily: count.exactOptional(),
  keepWeekly: count.exactOptional(),
  keepMonthly: count.exactOptional(),
  keepYearly: count.exactOptional(),
  keepWithin: textFor('A span of time: 30d, 1y5m', parsePeriod).exactOptional(),
  keepTags: z.array(z.string().min(1)).exactOptional(),
  policy: textFor('1W:1D,4W:1W,12M:1M', parseTimeframes).exactOptional(),
  schedule: jobSchedule.exactOptional(),
  prune: z.boolean().exactOptional(),
}).refine((value) => Object.keys(value).some((key) => key.startsWith('keep') || key === 'policy'), {
  error:
    'Nothing says which snapshots stay: give "keepDaily", "keepLast" and the like, or "policy"',
});

const drill = strictObject({
  schedule: jobSchedule,
  files: z.int().min(1).exactOptional(),
  bytes: size.exactOptional(),
  directory: z.string().min(1).exactOptional(),
  coldStorage: z.boolean().exactOptional(),
  scratch: secrets.exactOptional(),
});

/** Everything but the name, which a file says by the key. */
export const backupJob = strictObject({
  kind: z.literal('backup').default('backup'),
  ...base,
  sources: texts.exactOptional(),
  databases: z.array(databaseSource).min(1).exactOptional(),
  destinations: destinations.exactOptional(),
  /** A single one may be written so. */
  destination: destinations.exactOptional(),
  filters: filters.exactOptional(),
  tags: texts.exactOptional(),
  host: z.string().min(1).exactOptional(),
  options: flagValues.exactOptional(),
  retention: retention.exactOptional(),
  check: strictObject({ schedule: jobSchedule, readData: portion.exactOptional() }).exactOptional(),
  drill: drill.exactOptional(),
});

const stepTexts = Object.fromEntries(
  taskSteps.map((step) => [step, z.string().exactOptional()]),
) as Record<TaskStep, z.ZodExactOptional<z.ZodString>>;

export const taskJob = strictObject({
  kind: z.literal('task').default('task'),
  ...base,
  steps: strictObject(stepTexts),
  restore: z
    .string()
    .regex(/^[^/\0]+$/u)
    .exactOptional(),
  shell: z.enum(['strict', 'plain']).exactOptional(),
  stepTimeout: duration.exactOptional(),
  workDirectory: z.string().min(1).exactOptional(),
});

const command = strictObject({
  name,
  command: z.string().min(1),
  healthchecksUrl: secretValue.exactOptional(),
  uptimeKumaUrl: secretValue.exactOptional(),
});

export const commandsJob = strictObject({
  kind: z.literal('commands').default('commands'),
  ...base,
  commands: z
    .array(z.union([z.string().min(1), command]))
    .min(1)
    .transform((list) =>
      list.map((one, index) =>
        typeof one === 'string' ? { name: String(index + 1), command: one } : one,
      ),
    ),
  directory: z.string().min(1).exactOptional(),
});

/** The schema for what is written, which need not say what kind of job it is. */
export function jobSchemaFor(
  written: unknown,
): typeof backupJob | typeof taskJob | typeof commandsJob {
  const fields: Readonly<Record<string, unknown>> =
    typeof written === 'object' && written !== null ? { ...written } : {};
  const kind = fields['kind'];
  if (kind === 'task' || (kind === undefined && 'steps' in fields)) return taskJob;
  if (kind === 'commands' || (kind === undefined && 'commands' in fields)) return commandsJob;
  return backupJob;
}

/** The job that the fields of a file, the API or an export make, under its name. */
export function jobOf(
  jobName: string,
  fields: z.infer<typeof backupJob> | z.infer<typeof taskJob> | z.infer<typeof commandsJob>,
): Job {
  if (fields.kind !== 'backup') return { name: jobName, ...fields } satisfies TaskJob | CommandsJob;
  const { destination: single, destinations: several, ...rest } = fields;
  return { name: jobName, ...rest, destinations: several ?? single ?? [] } satisfies BackupJob;
}
