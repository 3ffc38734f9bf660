import { didYouMean } from '../base/did-you-mean.ts';
import { AppError } from '../base/errors.ts';
import type { ChannelSettings, ChannelType } from '../model/channel.ts';
import { channelSchemes } from './channel-type.ts';
import {
  discordFromUrl,
  matrixFromUrl,
  mattermostFromUrl,
  rocketChatFromUrl,
  slackFromUrl,
  teamsFromUrl,
  telegramFromUrl,
} from './channel-url/chat-urls.ts';
import { mailFromUrl } from './channel-url/mail-url.ts';
import {
  gotifyFromUrl,
  ntfyFromUrl,
  pagerDutyFromUrl,
  pushoverFromUrl,
  syslogFromUrl,
  zabbixFromUrl,
} from './channel-url/push-urls.ts';
import { type UrlParts, urlParts } from './channel-url/url-parts.ts';
import {
  healthchecksFromUrl,
  lokiFromUrl,
  uptimeKumaFromUrl,
  webhookFromUrl,
} from './channel-url/web-urls.ts';
import { plainLine } from './plain-line.ts';

type DirectType = Exclude<ChannelType, 'url'>;
type DirectSettings = Exclude<ChannelSettings, { type: 'url' }>;

const readers: Readonly<
  Partial<Record<DirectType, (name: string, parts: UrlParts) => DirectSettings>>
> = {
  mail: mailFromUrl,
  webhook: webhookFromUrl,
  healthchecks: healthchecksFromUrl,
  'uptime-kuma': uptimeKumaFromUrl,
  ntfy: ntfyFromUrl,
  gotify: gotifyFromUrl,
  slack: slackFromUrl,
  discord: discordFromUrl,
  telegram: telegramFromUrl,
  matrix: matrixFromUrl,
  teams: teamsFromUrl,
  pushover: pushoverFromUrl,
  pagerduty: pagerDutyFromUrl,
  mattermost: mattermostFromUrl,
  rocketchat: rocketChatFromUrl,
  loki: lokiFromUrl,
  zabbix: zabbixFromUrl,
  syslog: syslogFromUrl,
};

/** Types whose settings are a web address: `TYPE+https://…` is that address as it is. */
const byAddress = [
  'healthchecks',
  'uptime-kuma',
  'slack',
  'discord',
  'teams',
  'mattermost',
  'rocketchat',
  'loki',
] as const;

/**
 * The settings that an address stands for. Options for every type: `subject` (or `title`), `output`, `timeout`, `cafile`, `verify=no`.
 *
 * @throws AppError `input/invalid`; nothing of the address but its scheme is in the sentence
 */
export function settingsFromUrl(name: string, url: string): DirectSettings {
  const direct = /^([a-z-]+)\+(https?:\/\/.+)$/isu.exec(url.trim());
  const type = byAddress.find((each) => each === direct?.[1]?.toLowerCase());
  if (type !== undefined && direct?.[2] !== undefined) return { type, url: direct[2] };
  const parts = urlParts(url);
  if (parts === undefined) {
    throw new AppError('input/invalid', `The URL of the channel "${name}" is not a URL`, {
      hint: 'It looks like ntfy://ntfy.sh/topic or smtp://user:password@host/?from=a@b.c&to=d@e.f',
    });
  }
  const { scheme, query } = parts;
  const found = Object.hasOwn(channelSchemes, scheme) ? channelSchemes[scheme] : undefined;
  const reader = found === undefined ? undefined : readers[found];
  if (reader === undefined) throw unknownScheme(name, scheme);
  if (scheme === 'http' || scheme === 'https') return { type: 'webhook', url: url.trim() };
  const shared = sharedOptions(name, parts);
  const settings = reader(name, parts);
  if (found !== 'webhook') query.checkAllAsked(name);
  return { ...settings, ...shared };
}

function sharedOptions(
  name: string,
  { query }: UrlParts,
): {
  subject?: string;
  output?: 'never' | 'failures' | 'always';
  timeout?: string;
  caFile?: string;
  insecure?: boolean;
} {
  const subject = query.get('subject', 'title');
  const output = query.get('output');
  const timeout = query.get('timeout');
  const caFile = query.get('cafile');
  const verify = query.flag('verify');
  if (output !== undefined && output !== 'never' && output !== 'failures' && output !== 'always') {
    throw new AppError(
      'input/invalid',
      `The option "output" of the channel "${name}" is one of never, failures, always`,
    );
  }
  return {
    ...(subject !== undefined && { subject }),
    ...(output !== undefined && { output }),
    ...(timeout !== undefined && { timeout: /^\d+$/u.test(timeout) ? `${timeout}s` : timeout }),
    ...(caFile !== undefined && { caFile }),
    ...(verify === false && { insecure: true }),
  };
}

function unknownScheme(name: string, scheme: string): AppError {
  const known = Object.keys(channelSchemes);
  const nearest = didYouMean(scheme, known);
  return new AppError(
    'input/invalid',
    `The URL of the channel "${name}" has an unknown scheme "${plainLine(scheme, 40)}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
    { hint: `Known are ${known.join(', ')}` },
  );
}
