import type { ChannelBase } from '../model/channel.ts';
import type { Report } from '../model/report.ts';
import { toneOf } from './report-tone.ts';

/** Whether what the steps printed may go with this report. */
export function withOutput(
  report: Pick<Report, 'event' | 'run'>,
  { output = 'never' }: Pick<ChannelBase, 'output'>,
): boolean {
  return output === 'always' || (output === 'failures' && toneOf(report) === 'bad');
}
