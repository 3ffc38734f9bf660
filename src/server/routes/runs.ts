import { type Context, Hono } from 'hono';

import { activities } from '../../model/job.ts';
import { isOver, type Run, type RunState } from '../../model/run.ts';
import { summaryOf } from '../../model/run-summary.ts';
import { HttpError } from '../error-answer.ts';
import { choiceParameter, numberParameter } from '../request-reading.ts';
import type { ServerContext } from '../server-context.ts';

const states: readonly RunState[] = [
  'queued',
  'running',
  'succeeded',
  'warned',
  'failed',
  'skipped',
  'cancelled',
  'broken',
];

/** What ran, runs and waits. */
export function runRoutes({ catalog, clock }: ServerContext): Hono {
  const routes = new Hono();
  const find = async ({ req }: Context): Promise<Run> => {
    const id = req.param('id') ?? '';
    const run = await catalog.runs.get(id, { signal: req.raw.signal });
    if (run !== undefined) return run;
    throw new HttpError(404, 'not-found', `There is no run "${id.slice(0, 100)}"`);
  };

  routes.get('/', async ({ req, json }) => {
    const time = { least: 0, most: Number.MAX_SAFE_INTEGER };
    const job = req.query('job');
    const wanted = choiceParameter(req, 'activity', activities);
    const inStates = choiceParameter(req, 'state', states);
    const before = numberParameter(req, 'before', time);
    const after = numberParameter(req, 'after', time);
    const runs = await catalog.runs.list(
      {
        ...(job !== undefined && { job }),
        ...(wanted !== undefined && { activities: wanted }),
        ...(inStates !== undefined && { states: inStates }),
        ...(before !== undefined && { before }),
        ...(after !== undefined && { after }),
        limit: numberParameter(req, 'limit', { otherwise: 100, least: 1, most: 1000 })!,
      },
      { signal: req.raw.signal },
    );
    return json(runs.map((run) => ({ job: run.job, queuedAt: run.queuedAt, ...summaryOf(run) })));
  });

  routes.get('/:id', async (request) => {
    const run = await find(request);
    const steps = run.steps.map(({ output, ...step }) => ({
      ...step,
      hasOutput: (output ?? '') !== '',
    }));
    return request.json({ ...run, steps });
  });

  routes.get('/:id/output', async (request) => {
    const { steps } = await find(request);
    const wanted = numberParameter(request.req, 'step', { least: 1, most: 100_000 });
    if (wanted !== undefined && steps[wanted - 1] === undefined) {
      throw new HttpError(404, 'not-found', `The run has ${steps.length} steps, not ${wanted}`);
    }
    const text =
      wanted === undefined
        ? steps
            .filter(({ output }) => (output ?? '') !== '')
            .map(({ name, output = '' }) => `---- ${name} ----\n${ended(output)}`)
            .join('')
        : (steps[wanted - 1]?.output ?? '');
    return request.text(text);
  });

  routes.post('/:id/cancel', async (request) => {
    const run = await find(request);
    if (isOver(run)) throw new HttpError(409, 'over', `The run "${run.id}" is over`);
    await catalog.queue.cancel(run.id, clock.now());
    return request.json({ run: run.id, cancelled: true }, 202);
  });

  return routes;
}

const ended = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
