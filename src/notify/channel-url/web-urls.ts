import type {
  HealthchecksChannel,
  LokiChannel,
  UptimeKumaChannel,
  WebhookChannel,
} from '../../model/channel.ts';
import { badUrl, pathOf, type UrlParts, webScheme } from './url-parts.ts';

/** `generic://`, `generic+https://` of Shoutrrr, where `@header` sets a header; `json(s)://` of Apprise. */
export function webhookFromUrl(name: string, parts: UrlParts): WebhookChannel {
  const { scheme, user, password, host, path, query } = parts;
  if (host === '') throw badUrl(name, 'https://host/path');
  const secure =
    scheme === 'json' || scheme === 'generic+http'
      ? 'http'
      : scheme === 'generic'
        ? webScheme(query)
        : 'https';
  const method = query.get('method', 'requestmethod')?.toUpperCase();
  const contentType = query.get('contenttype');
  const template = query.get('template');
  const titleKey = query.get('titlekey');
  const messageKey = query.get('messagekey');
  const headers: Record<string, string> = {};
  const rest = new URLSearchParams();
  for (const [key, value] of query.rest()) {
    if (key.startsWith('@') || key.startsWith('+')) headers[headerName(key.slice(1))] = value;
    else rest.append(key.startsWith('_') ? key.slice(1) : key, value);
  }
  const search = rest.size === 0 ? '' : `?${rest.toString()}`;
  const body = scheme.startsWith('json')
    ? jsonBody('title', 'message', ',"version":"1.0","type":"{{event}}"')
    : template?.toLowerCase() === 'json'
      ? jsonBody(titleKey ?? 'title', messageKey ?? 'message', '')
      : undefined;
  return {
    type: 'webhook',
    url: withFields(`${secure}://${host}${pathOf(path)}${search}`),
    ...(method === 'GET' || method === 'PUT' || method === 'PATCH' ? { method } : {}),
    ...(contentType !== undefined && { contentType }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(body !== undefined && { body }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
  };
}

const jsonBody = (titleKey: string, messageKey: string, more: string): string =>
  `{${JSON.stringify(titleKey)}:"{{title}}",${JSON.stringify(messageKey)}:"{{text}}"${more}}`;

/** `acceptLanguage` is `accept-language`. */
const headerName = (key: string): string =>
  key.replaceAll(/(?<=[a-z0-9])([A-Z])/gu, '-$1').toLowerCase();

/** `hc://hc-ping.com/<uuid>`, also without the host. */
export function healthchecksFromUrl(
  name: string,
  { host, path, query }: UrlParts,
): HealthchecksChannel {
  const create = query.flag('create');
  const scheme = webScheme(query);
  if (host === '') throw badUrl(name, 'hc://hc-ping.com/<uuid>');
  const url =
    path.length === 0 || /^[0-9a-f]{8}-/iu.test(host)
      ? `https://hc-ping.com/${encodeURIComponent(host)}${pathOf(path)}`
      : `${scheme}://${host}${pathOf(path)}`;
  return { type: 'healthchecks', url: withFields(url), ...(create !== undefined && { create }) };
}

/** `kuma://host/<token>`, also with the path as Uptime Kuma shows it. */
export function uptimeKumaFromUrl(
  name: string,
  { host, path, query }: UrlParts,
): UptimeKumaChannel {
  const token = path.at(-1);
  if (host === '' || token === undefined) throw badUrl(name, 'kuma://host/<token>');
  const before = path.slice(0, -1);
  const push = before.length >= 2 ? before : [...before, 'api', 'push'];
  return {
    type: 'uptime-kuma',
    url: withFields(`${webScheme(query)}://${host}${pathOf([...push, token])}`),
  };
}

export function lokiFromUrl(
  name: string,
  { user, password, host, path, query }: UrlParts,
): LokiChannel {
  if (host === '') throw badUrl(name, 'loki://user:password@host');
  const tenant = query.get('tenant');
  return {
    type: 'loki',
    url: `${webScheme(query)}://${host}${pathOf(path)}`,
    ...(tenant !== undefined && { tenant }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
  };
}

/** Places for fields stay what they are. */
const withFields = (url: string): string => url.replaceAll(/%7B%7B([\w.]+)%7D%7D/giu, '{{$1}}');
