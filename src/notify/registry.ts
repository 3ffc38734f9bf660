import type { ChannelType } from '../model/channel.ts';
import type { OpenChannel } from './channel.ts';

type DirectType = Exclude<ChannelType, 'url'>;

/** Where each type of channel is, loaded when it is opened. */
export const registry: {
  readonly [Type in DirectType]: () => Promise<{ readonly open: OpenChannel<Type> }>;
} = {
  mail: () => import('./mail/mail.ts'),
  webhook: () => import('./webhook/webhook.ts'),
  healthchecks: () => import('./healthchecks/healthchecks.ts'),
  'uptime-kuma': () => import('./uptime-kuma/uptime-kuma.ts'),
  ntfy: () => import('./ntfy/ntfy.ts'),
  gotify: () => import('./gotify/gotify.ts'),
  slack: () => import('./slack/slack.ts'),
  discord: () => import('./discord/discord.ts'),
  telegram: () => import('./telegram/telegram.ts'),
  matrix: () => import('./matrix/matrix.ts'),
  teams: () => import('./teams/teams.ts'),
  pushover: () => import('./pushover/pushover.ts'),
  pagerduty: () => import('./pagerduty/pagerduty.ts'),
  mattermost: () => import('./mattermost/mattermost.ts'),
  rocketchat: () => import('./rocketchat/rocketchat.ts'),
  loki: () => import('./loki/loki.ts'),
  zabbix: () => import('./zabbix/zabbix.ts'),
  syslog: () => import('./syslog/syslog.ts'),
  script: () => import('./script/script.ts'),
};
