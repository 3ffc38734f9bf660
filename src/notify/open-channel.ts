import type { CallOptions } from '../base/call-options.ts';
import type { ChannelSettings } from '../model/channel.ts';
import type { Channel, ChannelContext, OpenChannel } from './channel.ts';
import { settingsFromUrl } from './channel-url.ts';
import { registry } from './registry.ts';
import { reveal } from './reveal.ts';

/**
 * Opens a channel; nothing is sent yet.
 *
 * @param name for errors
 * @throws AppError `input/invalid` for settings that make no sense or secrets that are not there
 */
export async function openChannel(
  name: string,
  settings: ChannelSettings,
  context: ChannelContext,
  options: CallOptions = {},
): Promise<Channel> {
  if (settings.type === 'url') {
    const { type: _type, url, ...shared } = settings;
    const address = await reveal(name, url, 'the URL', context, options);
    const direct = settingsFromUrl(name, address);
    return await openChannel(name, { ...direct, ...shared }, context, options);
  }
  const { open } = await registry[settings.type]();
  // Which of the types it is, the registry knows better than the compiler.
  return await (open as OpenChannel<typeof settings.type>)(name, settings, context, options);
}
