import { configurationJsonSchema } from '../../configuration/configuration-schema.ts';
import type { CommandRun } from '../command.ts';
import type { configSchema } from '../definitions/configuration.ts';
import type { JsonValue } from '../output/output.ts';

export const run: CommandRun<typeof configSchema> = (_, { output }) => {
  const schema = configurationJsonSchema();
  output.object({ type: 'schema', schema: schema as JsonValue });
  output.line(JSON.stringify(schema, undefined, 2));
  return Promise.resolve(0);
};
