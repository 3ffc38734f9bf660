import { z } from 'zod';

import { ConfigurationError, problemsOf } from '../configuration/configuration-problem.ts';
import { strictObject } from '../configuration/schema/values.ts';
import { activities } from '../model/job.ts';

const activity = z.enum(activities);

/** What a run is asked for with. Parameters are stored and shown: nothing secret belongs into them. */
export const runRequest = strictObject({
  activity: activity.exactOptional(),
  parameters: z
    .record(
      z.string().regex(/^[A-Za-z][\w.-]{0,63}$/u, { error: 'A parameter has a plain name' }),
      z.string().max(4096),
    )
    .exactOptional(),
});

/** How many of the next runs are left out; 0 takes it back. */
export const skipRequest = strictObject({
  activity: activity.exactOptional(),
  count: z.int().min(0).max(1000).default(1),
});

/** @throws ConfigurationError */
export const parseRunRequest = (written: unknown): z.infer<typeof runRequest> =>
  parsed(runRequest, written);
/** @throws ConfigurationError */
export const parseSkipRequest = (written: unknown): z.infer<typeof skipRequest> =>
  parsed(skipRequest, written);

function parsed<Output>(schema: z.ZodType<Output>, written: unknown): Output {
  const result = schema.safeParse(written);
  if (!result.success) throw new ConfigurationError(problemsOf(result.error, []), 'The request');
  return result.data;
}
