import { AppError } from '../../base/errors.ts';
import {
  type GotifyChannel,
  type NtfyChannel,
  type PagerDutyChannel,
  type PushoverChannel,
  type SyslogChannel,
  type SyslogFacility,
  syslogFacilities,
  type ZabbixChannel,
} from '../../model/channel.ts';
import { badUrl, pathOf, type Query, type UrlParts, webScheme } from './url-parts.ts';

/** `ntfy://[user:password@|:token@|token@]host/topic`, `ntfy://topic` for ntfy.sh. */
export function ntfyFromUrl(
  name: string,
  { user, password, host, path, query }: UrlParts,
): NtfyChannel {
  const [topic] = path.length === 0 ? [host] : path.slice(-1);
  if (topic === undefined || topic === '') throw badUrl(name, 'ntfy://host/topic');
  const server =
    path.length === 0 ? undefined : `${webScheme(query)}://${host}${pathOf(path.slice(0, -1))}`;
  const token = user === undefined ? password : password === undefined ? user : undefined;
  const priority = priorityOf(
    name,
    query,
    { min: 1, low: 2, default: 3, high: 4, max: 5, urgent: 5 },
    1,
    5,
  );
  const tags = query.list('tags');
  const click = query.get('click');
  return {
    type: 'ntfy',
    ...(server !== undefined && { server }),
    topic,
    ...(token !== undefined && { token }),
    ...(token === undefined && user !== undefined && { user }),
    ...(token === undefined && password !== undefined && { password }),
    ...(priority !== undefined && { priority }),
    ...(tags !== undefined && { tags }),
    ...(click !== undefined && { click }),
  };
}

/** `gotify://host/[path/]token`; over HTTPS in every spelling, unless `disabletls=yes`. */
export function gotifyFromUrl(name: string, { host, path, query }: UrlParts): GotifyChannel {
  const token = path.at(-1);
  if (host === '' || token === undefined) throw badUrl(name, 'gotify://host/token');
  const priority = priorityOf(
    name,
    query,
    { low: 1, moderate: 3, normal: 5, high: 8, emergency: 10 },
    0,
    10,
  );
  return {
    type: 'gotify',
    server: `${webScheme(query)}://${host}${pathOf(path.slice(0, -1))}`,
    token,
    ...(priority !== undefined && { priority }),
  };
}

/** `pushover://shoutrrr:token@user/?devices=…` of Shoutrrr, `pover://user@token/device` of Apprise. */
export function pushoverFromUrl(name: string, parts: UrlParts): PushoverChannel {
  const { scheme, user, password, host, path, query } = parts;
  const byApprise = scheme === 'pover';
  const token = byApprise ? host : (password ?? user);
  const receiver = byApprise ? user : host;
  if (token === undefined || token === '' || receiver === undefined || receiver === '')
    throw badUrl(name, 'pushover://shoutrrr:token@user');
  const device = query.get('devices', 'device') ?? (path.length > 0 ? path.join(',') : undefined);
  const sound = query.get('sound');
  const priority = priorityOf(
    name,
    query,
    { lowest: -2, low: -1, moderate: -1, normal: 0, high: 1, emergency: 2 },
    -2,
    2,
  );
  return {
    type: 'pushover',
    token,
    user: receiver,
    ...(device !== undefined && { device }),
    ...(sound !== undefined && { sound }),
    ...(priority !== undefined && { priority }),
  };
}

/** `pagerduty://key`; Apprise adds `@` and a key that is not needed. */
export function pagerDutyFromUrl(name: string, { user, host, query }: UrlParts): PagerDutyChannel {
  const routingKey = user ?? host;
  if (routingKey === '') throw badUrl(name, 'pagerduty://integration-key');
  const region = query.get('region')?.toLowerCase();
  const severity = query.get('severity')?.toLowerCase();
  return {
    type: 'pagerduty',
    routingKey,
    ...(region === 'eu' && { server: 'https://events.eu.pagerduty.com' }),
    ...((severity === 'critical' ||
      severity === 'error' ||
      severity === 'warning' ||
      severity === 'info') && { severity }),
  };
}

/** `zabbix://server[:port]/[host]?key=…`. */
export function zabbixFromUrl(
  name: string,
  { host: server, path, query }: UrlParts,
): ZabbixChannel {
  if (server === '') throw badUrl(name, 'zabbix://server/host');
  const [host] = path;
  const key = query.get('key');
  return {
    type: 'zabbix',
    server,
    ...(host !== undefined && { host }),
    ...(key !== undefined && { key }),
  };
}

/** `syslog://[facility]` for this machine; `rsyslog://host[/facility]`, `syslog+tcp://`, `syslog+tls://` for another. */
export function syslogFromUrl(
  name: string,
  { scheme, host, path, query }: UrlParts,
): SyslogChannel {
  const application = query.get('application');
  const isLocal = scheme === 'syslog';
  const [facility] = isLocal ? (host === '' ? path : [host]) : path;
  if (facility !== undefined && !isFacility(facility)) {
    throw new AppError(
      'input/invalid',
      `The channel "${name}" names an unknown facility of syslog`,
      {
        hint: isLocal
          ? 'Another host is written rsyslog://host, syslog+tcp://host or syslog+tls://host'
          : `Facilities are ${syslogFacilities.join(', ')}`,
      },
    );
  }
  if (!isLocal && host === '') throw badUrl(name, 'rsyslog://host');
  const transport = { 'syslog+tcp': 'tcp', 'syslog+tls': 'tls' }[scheme] ?? 'udp';
  return {
    type: 'syslog',
    ...(!isLocal && { address: `${transport}://${host}` }),
    ...(facility !== undefined && { facility }),
    ...(application !== undefined && { application }),
  };
}

const isFacility = (text: string): text is SyslogFacility =>
  (syslogFacilities as readonly string[]).includes(text);

function priorityOf(
  name: string,
  query: Query,
  names: Readonly<Record<string, number>>,
  least: number,
  most: number,
): number | undefined {
  const text = query.get('priority')?.toLowerCase();
  if (text === undefined) return undefined;
  const value = Object.hasOwn(names, text) ? names[text]! : Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new AppError(
    'input/invalid',
    `The priority of the channel "${name}" is a number from ${String(least)} to ${String(most)}, or one of ${Object.keys(names).join(', ')}`,
  );
}
