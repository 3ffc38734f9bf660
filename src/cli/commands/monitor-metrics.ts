import { metricsText } from '../../service/status/metrics-text.ts';
import type { CommandRun } from '../command.ts';
import type { monitorMetrics } from '../definitions/monitor.ts';
import { statusOf } from '../status-source.ts';

export const run: CommandRun<typeof monitorMetrics> = async (input, session) => {
  const text = metricsText(await statusOf(input.flags, session));
  session.output.line(text.trimEnd());
  session.output.object({ type: 'metrics', text });
  return 0;
};
