import type { SecretValue } from './secret-value.ts';

/**
 * How a channel is reached, as it is written in a configuration. What is told, and when, is said by rules (`NotifyRule`); how it looks
 * is the same everywhere. Durations and sizes are texts as people write them.
 */
export type ChannelSettings =
  | UrlChannel
  | MailChannel
  | WebhookChannel
  | HealthchecksChannel
  | UptimeKumaChannel
  | NtfyChannel
  | GotifyChannel
  | SlackChannel
  | DiscordChannel
  | TelegramChannel
  | MatrixChannel
  | TeamsChannel
  | PushoverChannel
  | PagerDutyChannel
  | MattermostChannel
  | RocketChatChannel
  | LokiChannel
  | ZabbixChannel
  | SyslogChannel
  | ScriptChannel;

export type ChannelType = ChannelSettings['type'];

/** What all channels have. */
export interface ChannelBase {
  /** `true` by default. */
  readonly enabled?: boolean;
  /** Template of the subject or title; `{{title}}` by default. */
  readonly subject?: string;
  /** Send along what the steps printed. `never` by default: it may hold names of files and more that is nobody else's business. */
  readonly output?: 'never' | 'failures' | 'always';
  /** For one try, 30 s by default (5 s for pings). A duration. */
  readonly timeout?: string;
}

/** What channels have that speak HTTP. */
export interface HttpChannelBase extends ChannelBase {
  /** PEM file of the authorities that certificates are checked against, instead of the built-in ones. */
  readonly caFile?: string;
  /** Accept any certificate. */
  readonly insecure?: boolean;
  /** `http://[user:password@]host:port` of a proxy. */
  readonly proxy?: SecretValue;
}

/** Any channel as one address: `ntfy://ntfy.sh/topic`, `smtps://user:password@host/?from=a@b.c&to=d@e.f`, `discord://token@id`. */
export interface UrlChannel extends ChannelBase {
  readonly type: 'url';
  readonly url: SecretValue;
}

export interface MailChannel extends ChannelBase {
  readonly type: 'mail';
  readonly host: string;
  /** 465 with `tls`, else 587 with a user, else 25. */
  readonly port?: number;
  /**
   * - `tls`: from the first byte
   * - `starttls`: required, the default if there is a user
   * - `opportunistic`: STARTTLS if it is offered, the default if there is none; only with a user is the certificate checked
   * - `none`
   */
  readonly encryption?: 'tls' | 'starttls' | 'opportunistic' | 'none';
  readonly user?: string;
  /** For `xoauth2` the access token, unless `oauth` gets one. */
  readonly password?: SecretValue;
  /** By default one that the server offers. */
  readonly authentication?: 'plain' | 'login' | 'cram-md5' | 'xoauth2';
  readonly oauth?: MailOAuth;
  /** `name@host` or `Name <name@host>`. */
  readonly from: string;
  readonly to: readonly string[];
  readonly cc?: readonly string[];
  readonly bcc?: readonly string[];
  readonly replyTo?: string;
  /** How we greet the server; the name of the host by default. */
  readonly helloName?: string;
  /** `both` (default): as plain text and as HTML. */
  readonly format?: 'both' | 'text';
  /** Attach what the steps printed as well, at most so much (a size); only where `output` lets it out. */
  readonly attach?: string;
  readonly digest?: Digest;
  readonly caFile?: string;
  readonly insecure?: boolean;
}

/** Gets access tokens by a refresh token (RFC 6749 section 6). */
export interface MailOAuth {
  readonly clientId: string;
  readonly clientSecret: SecretValue;
  readonly refreshToken: SecretValue;
  readonly tokenUrl: string;
}

/** Everything that happened in one mail, at certain times. Failures and alarms are told at once as well. */
export interface Digest {
  /** `HH:MM` in the time zone of the configuration. */
  readonly at: string;
  /** Weekdays (`mon` …); every day by default. */
  readonly days?: readonly string[];
  /** `also` (default): what is bad is told at once, and in the digest too; `only`: nothing is told at once. */
  readonly only?: boolean;
}

export interface WebhookChannel extends HttpChannelBase {
  readonly type: 'webhook';
  readonly url: SecretValue;
  /** `POST` by default. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly headers?: Readonly<Record<string, SecretValue>>;
  /** Template of the body; by default the whole report as JSON. */
  readonly body?: string;
  /** `application/json` by default; what is put into the template is escaped accordingly. */
  readonly contentType?: string;
  /** Signs each request: HMAC-SHA256 over time and body. */
  readonly secret?: SecretValue;
  /** `X-Holdfast-Signature` by default. */
  readonly signatureHeader?: string;
  readonly user?: string;
  readonly password?: SecretValue;
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: SecretValue;
}

/** healthchecks.io, one of your own, or what has the same interface: one check for each job. */
export interface HealthchecksChannel extends HttpChannelBase {
  readonly type: 'healthchecks';
  /** `https://hc-ping.com/<uuid>` or `https://hc-ping.com/<ping key>/<slug>`; may have `{{job}}` in it. */
  readonly url: SecretValue;
  /** Make a check that is not there yet (only with a slug). */
  readonly create?: boolean;
}

/** A push monitor of Uptime Kuma. */
export interface UptimeKumaChannel extends HttpChannelBase {
  readonly type: 'uptime-kuma';
  /** `https://host/api/push/<token>`; a query is not used. May have `{{job}}` in it. */
  readonly url: SecretValue;
}

export interface NtfyChannel extends HttpChannelBase {
  readonly type: 'ntfy';
  /** `https://ntfy.sh` by default. */
  readonly server?: string;
  readonly topic: SecretValue;
  readonly token?: SecretValue;
  readonly user?: string;
  readonly password?: SecretValue;
  /** 1 to 5; by default 4 for what is bad, 3 for the rest, 2 for starts. */
  readonly priority?: number;
  readonly tags?: readonly string[];
  /** Opened when the message is tapped. */
  readonly click?: string;
}

export interface GotifyChannel extends HttpChannelBase {
  readonly type: 'gotify';
  readonly server: string;
  /** Of the application. */
  readonly token: SecretValue;
  /** 0 to 10; by default 8 for what is bad, 5 for warnings, 2 for the rest. */
  readonly priority?: number;
}

/** Incoming webhook, or a bot's token with a channel. */
export interface SlackChannel extends HttpChannelBase {
  readonly type: 'slack';
  readonly url?: SecretValue;
  /** `xoxb-…` with the scope `chat:write`. */
  readonly token?: SecretValue;
  /** Id or `#name`, with a token. */
  readonly channel?: string;
  /** `https://slack.com/api` by default. */
  readonly server?: string;
}

export interface DiscordChannel extends HttpChannelBase {
  readonly type: 'discord';
  /** `https://discord.com/api/webhooks/<id>/<token>`. */
  readonly url: SecretValue;
  readonly username?: string;
  readonly avatarUrl?: string;
  /** Id of a thread. */
  readonly thread?: string;
}

export interface TelegramChannel extends HttpChannelBase {
  readonly type: 'telegram';
  /** Of the bot. */
  readonly token: SecretValue;
  /** Numbers or `@name`s. */
  readonly chats: readonly string[];
  /** Topic of a group. */
  readonly thread?: number;
  /** No sound for what is not bad; `true` by default. */
  readonly silent?: boolean;
  /** `https://api.telegram.org` by default. */
  readonly server?: string;
}

export interface MatrixChannel extends HttpChannelBase {
  readonly type: 'matrix';
  /** `https://matrix.example.org`. */
  readonly server: string;
  /** Access token. */
  readonly token: SecretValue;
  /** `!id:server` or `#alias:server`. */
  readonly room: string;
}

/** A workflow "when a webhook request is received" of Microsoft Teams. */
export interface TeamsChannel extends HttpChannelBase {
  readonly type: 'teams';
  readonly url: SecretValue;
}

export interface PushoverChannel extends HttpChannelBase {
  readonly type: 'pushover';
  /** Of the application. */
  readonly token: SecretValue;
  /** Of the user or group. */
  readonly user: SecretValue;
  readonly device?: string;
  readonly sound?: string;
  /** -2 to 2; by default 1 for what is bad, 0 for the rest, -1 for starts. 2 is repeated every minute for an hour until somebody has seen it. */
  readonly priority?: number;
  /** `https://api.pushover.net` by default. */
  readonly server?: string;
}

/** Events API v2: one incident for each job, resolved when it works again. */
export interface PagerDutyChannel extends HttpChannelBase {
  readonly type: 'pagerduty';
  /** Integration key of the service. */
  readonly routingKey: SecretValue;
  /** By default `error` for what is bad, `warning` for warnings. */
  readonly severity?: 'critical' | 'error' | 'warning' | 'info';
  /** `https://events.pagerduty.com` by default; `https://events.eu.pagerduty.com` in Europe. */
  readonly server?: string;
}

export interface MattermostChannel extends HttpChannelBase {
  readonly type: 'mattermost';
  /** `https://host/hooks/<key>`. */
  readonly url: SecretValue;
  readonly channel?: string;
  readonly username?: string;
  readonly iconUrl?: string;
}

export interface RocketChatChannel extends HttpChannelBase {
  readonly type: 'rocketchat';
  /** `https://host/hooks/<id>/<token>`. */
  readonly url: SecretValue;
  /** `#name` or `@user`. */
  readonly channel?: string;
  readonly username?: string;
}

export interface LokiChannel extends HttpChannelBase {
  readonly type: 'loki';
  /** `https://host`; `/loki/api/v1/push` is added if there is no path. */
  readonly url: SecretValue;
  readonly labels?: Readonly<Record<string, string>>;
  readonly tenant?: string;
  readonly user?: string;
  readonly password?: SecretValue;
}

/** A trapper item of Zabbix: its value is the report as JSON. */
export interface ZabbixChannel extends ChannelBase {
  readonly type: 'zabbix';
  /** Server or proxy: `host` or `host:port`, 10051 by default. */
  readonly server: string;
  /** Name of the monitored host; that of this machine by default. */
  readonly host?: string;
  /** Key of the item; `holdfast.report` by default. May have `{{job}}` in it. */
  readonly key?: string;
}

export interface SyslogChannel extends ChannelBase {
  readonly type: 'syslog';
  /** `unix:///dev/log` (default), `udp://host[:514]`, `tcp://host[:514]`, `tls://host[:6514]`. */
  readonly address?: string;
  /** `daemon` by default. */
  readonly facility?: SyslogFacility;
  /** `holdfast` by default. */
  readonly application?: string;
  /** PEM file of the authorities, with `tls://`. */
  readonly caFile?: string;
  readonly insecure?: boolean;
}

/** A program that gets the report as JSON on its standard input. */
export interface ScriptChannel extends ChannelBase {
  readonly type: 'script';
  /** A shell command, or a program with its arguments. */
  readonly command: string | readonly string[];
  readonly environment?: Readonly<Record<string, SecretValue>>;
}

/** RFC 5424 section 6.2.1, in the order of their numbers. */
export const syslogFacilities = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
  'ntp',
  'audit',
  'alert',
  'clock',
  'local0',
  'local1',
  'local2',
  'local3',
  'local4',
  'local5',
  'local6',
  'local7',
] as const;
export type SyslogFacility = (typeof syslogFacilities)[number];
