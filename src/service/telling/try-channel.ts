import type { CallOptions } from '../../base/call-options.ts';
import type { ChannelSettings } from '../../model/channel.ts';
import type { ChannelContext } from '../../notify/channel.ts';
import { openChannel } from '../../notify/open-channel.ts';
import { type SampleOptions, sampleReport } from '../../notify/sample-report.ts';

export interface ChannelTrial extends Omit<SampleOptions, 'at'> {
  readonly name: string;
  readonly settings: ChannelSettings;
  readonly context: ChannelContext;
  /** Learns where the channel leads before something is sent. */
  readonly onOpen?: (address: string) => void;
}

/**
 * Sends a made-up report by a channel. Resolves with where it went and what the other side said.
 *
 * @throws AppError `input/invalid` for settings that make no sense, `notify/failed`, `notify/refused`
 */
export async function tryChannel(
  { name, settings, context, onOpen, ...sample }: ChannelTrial,
  options: CallOptions = {},
): Promise<{ readonly address: string; readonly answer: string }> {
  await using channel = await openChannel(name, settings, context, options);
  const { address } = channel;
  onOpen?.(address);
  const report = sampleReport({ ...sample, at: context.clock.now() });
  return { address, answer: await channel.send(report, options) };
}
