import type { ChannelSettings } from '../model/channel.ts';
import { channelTypeOf } from './channel-type.ts';

/** Where a channel leads, as far as that is no secret. */
export function channelDescription(settings: ChannelSettings): string {
  switch (settings.type) {
    case 'url':
      return channelTypeOf(settings) === undefined ? 'a URL that is kept elsewhere' : 'by its URL';
    case 'mail':
      return `to ${settings.to.join(', ')} by ${settings.host}`;
    case 'ntfy':
      return settings.server ?? 'https://ntfy.sh';
    case 'gotify':
    case 'matrix':
      return settings.type === 'matrix'
        ? `${settings.room} at ${settings.server}`
        : settings.server;
    case 'slack':
      return settings.channel ?? 'a webhook';
    case 'telegram':
      return `to ${settings.chats.join(', ')}`;
    case 'zabbix':
      return settings.server;
    case 'syslog':
      return settings.address ?? 'unix:///dev/log';
    case 'script':
      return typeof settings.command === 'string' ? settings.command : settings.command.join(' ');
    default:
      return hostOf(settings) ?? '';
  }
}

/** The host of an address; nothing else of it is for everybody. */
function hostOf(settings: object): string | undefined {
  const url = 'url' in settings ? settings.url : undefined;
  if (typeof url !== 'string') return undefined;
  return URL.canParse(url) ? new URL(url).host : undefined;
}
