import { z } from 'zod';

import { channelSchema } from '../configuration/channel-schema.ts';
import { settingsSchema } from '../configuration/configuration-schema.ts';
import {
  backupJob,
  commandsJob,
  destination,
  taskJob,
} from '../configuration/schema/job-schema.ts';
import { jobSchedule } from '../configuration/schema/schedule-schema.ts';
import { runRequest, skipRequest } from './run-request.ts';

type Operation = Readonly<Record<string, unknown>>;

/** The API as OpenAPI 3.1; what documents may hold comes from the schemas that check them. */
export function apiDescription(version: string): Readonly<Record<string, unknown>> {
  const documents = [
    ['jobs', 'job', z.union([backupJob, taskJob, commandsJob])],
    ['destinations', 'destination', destination],
    ['channels', 'channel', channelSchema],
    ['periodicities', 'periodicity', jobSchedule],
  ] as const;
  const paths: Record<string, Record<string, Operation>> = {};
  for (const [plural, single, schema] of documents) {
    paths[`/api/v1/${plural}`] = { get: operation(`List the ${plural}`) };
    paths[`/api/v1/${plural}/{name}`] = {
      get: operation(`Read one; secrets are masked, the ETag is its revision`),
      put: operation(`Make or replace one`, { body: schemaOf(schema), match: true }),
      patch: operation(`Change some fields (JSON Merge Patch)`, { body: {}, match: true }),
      delete: operation(`Remove the ${single}`, { match: true }),
    };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Holdfast', version },
    security: [{ token: [] }],
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    paths: {
      ...paths,
      '/api/v1/jobs/{name}/run': {
        post: operation('Run it now', { body: schemaOf(runRequest) }),
      },
      '/api/v1/jobs/{name}/cancel': {
        post: operation('Cancel its runs that wait or are under way'),
      },
      '/api/v1/jobs/{name}/skip-next': {
        post: operation('Leave out its next runs', { body: schemaOf(skipRequest) }),
      },
      '/api/v1/jobs/{name}/status': { get: operation('How it stands') },
      '/api/v1/channels/{name}/test': { post: operation('Send a message for trial') },
      '/api/v1/settings': {
        get: operation('The settings that count, and those that were set here'),
        put: operation('Set them', { body: schemaOf(settingsSchema), match: true }),
        patch: operation('Set some of them', { body: {}, match: true }),
      },
      '/api/v1/runs': {
        get: operation('What ran, runs and waits, newest first', {
          query: ['job', 'activity', 'state', 'before', 'after', 'limit'],
        }),
      },
      '/api/v1/runs/{id}': { get: operation('One run with its steps') },
      '/api/v1/runs/{id}/output': { get: operation('What it printed', { query: ['step'] }) },
      '/api/v1/runs/{id}/cancel': { post: operation('Cancel it') },
      '/api/v1/schedules': { get: operation('What runs next', { query: ['job', 'count'] }) },
      '/api/v1/status': { get: operation('How everything stands') },
      '/api/v1/events': {
        get: operation('What happens, as server-sent events', { query: ['job'] }),
      },
      '/healthz': { get: open('The process answers') },
      '/readyz': { get: open('It can work') },
      '/health/backups': { get: open('Every backup is as fresh as it should be') },
      '/metrics': { get: open('Metrics in the text format of Prometheus') },
    },
  };
}

function operation(
  summary: string,
  {
    body,
    match = false,
    query = [],
  }: {
    readonly body?: unknown;
    readonly match?: boolean;
    readonly query?: readonly string[];
  } = {},
): Operation {
  const parameters = [
    ...(match ? [{ name: 'If-Match', in: 'header', schema: { type: 'string' } }] : []),
    ...query.map((name) => ({ name, in: 'query', schema: { type: 'string' } })),
  ];
  return {
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { content: { 'application/json': { schema: body } } },
    }),
    responses: {
      '2XX': { description: 'Done' },
      default: {
        description: 'An object with "code", "message", and perhaps "hint" and "problems"',
      },
    },
  };
}

/** One that needs no token. */
const open = (summary: string): Operation => ({ ...operation(summary), security: [] });

const schemaOf = (schema: z.ZodType): unknown =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
