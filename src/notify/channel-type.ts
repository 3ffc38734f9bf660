import type { ChannelSettings, ChannelType } from '../model/channel.ts';
import type { NoticeEvent } from '../model/job.ts';

/** Which type of channel a scheme stands for; the spellings of Shoutrrr and Apprise where they are well known. */
export const channelSchemes: Readonly<Record<string, Exclude<ChannelType, 'url'>>> = {
  smtp: 'mail',
  smtps: 'mail',
  mailto: 'mail',
  mailtos: 'mail',
  generic: 'webhook',
  'generic+https': 'webhook',
  'generic+http': 'webhook',
  json: 'webhook',
  jsons: 'webhook',
  http: 'webhook',
  https: 'webhook',
  hc: 'healthchecks',
  hcs: 'healthchecks',
  healthchecks: 'healthchecks',
  kuma: 'uptime-kuma',
  kumas: 'uptime-kuma',
  'uptime-kuma': 'uptime-kuma',
  ntfy: 'ntfy',
  ntfys: 'ntfy',
  gotify: 'gotify',
  gotifys: 'gotify',
  slack: 'slack',
  discord: 'discord',
  telegram: 'telegram',
  tgram: 'telegram',
  matrix: 'matrix',
  matrixs: 'matrix',
  teams: 'teams',
  msteams: 'teams',
  workflows: 'teams',
  pushover: 'pushover',
  pover: 'pushover',
  pagerduty: 'pagerduty',
  mattermost: 'mattermost',
  mmost: 'mattermost',
  mmosts: 'mattermost',
  rocketchat: 'rocketchat',
  rocket: 'rocketchat',
  rockets: 'rocketchat',
  loki: 'loki',
  lokis: 'loki',
  zabbix: 'zabbix',
  syslog: 'syslog',
  rsyslog: 'syslog',
  'syslog+tcp': 'syslog',
  'syslog+tls': 'syslog',
  'syslog+udp': 'syslog',
};

/** The type that settings stand for. A URL that is kept elsewhere says it only when it is opened: `undefined`. */
export function channelTypeOf(settings: ChannelSettings): Exclude<ChannelType, 'url'> | undefined {
  if (settings.type !== 'url') return settings.type;
  if (typeof settings.url !== 'string') return undefined;
  const scheme = /^([a-z][a-z0-9+.-]*):/iu.exec(settings.url)?.[1]?.toLowerCase();
  const name = scheme?.replace(/(?<!^generic)\+https?$/u, '');
  return name !== undefined && Object.hasOwn(channelSchemes, name)
    ? channelSchemes[name]
    : undefined;
}

/** Monitors that expect a sign of life of each run. */
export function isPing(settings: ChannelSettings): boolean {
  const type = channelTypeOf(settings);
  return type === 'healthchecks' || type === 'uptime-kuma';
}

/** Those that show how a job stands: only the newest report about it means something to them. */
export function showsState(settings: ChannelSettings): boolean {
  return isPing(settings) || channelTypeOf(settings) === 'pagerduty';
}

/** What a channel is told where a rule does not say it. */
export function defaultEventsOf(settings: ChannelSettings): readonly NoticeEvent[] {
  const withDigest = settings.type === 'mail' && settings.digest !== undefined;
  switch (channelTypeOf(settings)) {
    case 'healthchecks':
      return ['started', 'succeeded', 'warned', 'failed', 'recovered'];
    case 'uptime-kuma':
      return ['succeeded', 'warned', 'failed', 'missed', 'recovered'];
    case 'pagerduty':
      return ['failed', 'missed', 'recovered'];
    case 'syslog':
    case 'loki':
    case 'zabbix':
    case 'script':
      return [
        'started',
        'succeeded',
        'warned',
        'failed',
        'skipped',
        'missed',
        'recovered',
        'drill',
      ];
    default:
      return withDigest
        ? ['succeeded', 'warned', 'failed', 'skipped', 'missed', 'recovered', 'drill']
        : ['warned', 'failed', 'missed', 'recovered'];
  }
}
