import { AppError } from '../../base/errors.ts';
import type {
  DiscordChannel,
  MatrixChannel,
  MattermostChannel,
  RocketChatChannel,
  SlackChannel,
  TeamsChannel,
  TelegramChannel,
} from '../../model/channel.ts';
import { badUrl, pathOf, type UrlParts, webScheme } from './url-parts.ts';

/** `slack://A/B/C`, `slack://hook:A-B-C@webhook`, `slack://xoxb:…@channel`, `slack://xoxb-…/#channel`. */
export function slackFromUrl(
  name: string,
  { user, password, host, path, query }: UrlParts,
): SlackChannel {
  query.get('botname');
  const hook = (parts: readonly string[]): SlackChannel => {
    if (parts.length < 3) throw badUrl(name, 'slack://hook:A-B-C@webhook');
    return {
      type: 'slack',
      url: `https://hooks.slack.com/services${pathOf(parts.slice(0, 3))}`,
    };
  };
  if (password !== undefined && user === 'hook') return hook(password.split('-'));
  if (password !== undefined && user !== undefined && user.startsWith('xox'))
    return { type: 'slack', token: `${user}-${password}`, channel: host };
  if (host.startsWith('xox')) {
    const [channel] = path;
    if (channel === undefined) throw badUrl(name, 'slack://xoxb:token@channel');
    return { type: 'slack', token: host, channel };
  }
  return hook([host, ...path]);
}

/** `discord://token@id` of Shoutrrr, `discord://id/token` of Apprise. */
export function discordFromUrl(
  name: string,
  { user, host, path, query }: UrlParts,
): DiscordChannel {
  const thread = query.get('thread_id', 'thread');
  const username = query.get('username') ?? (path.length > 0 ? user : undefined);
  const [id, token] = path.length > 0 ? [host, path[0]] : [host, user];
  if (id === '' || token === undefined) throw badUrl(name, 'discord://token@id');
  return {
    type: 'discord',
    url: `https://discord.com/api/webhooks${pathOf([id, token])}`,
    ...(username !== undefined && { username }),
    ...(thread !== undefined && { thread }),
  };
}

/** `telegram://token@telegram?chats=a,b` of Shoutrrr, `tgram://token/a/b` of Apprise. A thread follows a chat after a colon. */
export function telegramFromUrl(name: string, parts: UrlParts): TelegramChannel {
  const { user, password, host, path, query } = parts;
  const inUser = user === undefined || password === undefined ? undefined : `${user}:${password}`;
  const token = inUser ?? host;
  const chats = query.list('chats', 'channels', 'to') ?? path;
  const loud = query.flag('notification');
  const silent = query.flag('silent') ?? (loud === undefined ? undefined : !loud);
  if (!/^\d+:[\w-]+$/u.test(token) || chats.length === 0)
    throw badUrl(name, 'telegram://token@telegram?chats=chat');
  const [first = ''] = chats;
  const thread = query.get('thread', 'topic') ?? /^-?\d+:(\d+)$/u.exec(first)?.[1];
  return {
    type: 'telegram',
    token,
    chats: chats.map((chat) => chat.replace(/^(-?\d+):\d+$/u, '$1')),
    ...(thread !== undefined && { thread: Number(thread) }),
    ...(silent !== undefined && { silent }),
  };
}

/** `matrix://:token@host/?rooms=!id:host`, `matrixs://token@host/!id:host`; an alias without a server is one of that host. */
export function matrixFromUrl(name: string, parts: UrlParts): MatrixChannel {
  const { user, password, host, path, query } = parts;
  if (user !== undefined && password !== undefined) {
    throw new AppError(
      'input/invalid',
      `The channel "${name}" cannot sign in to Matrix by user and password`,
      { hint: 'Write an access token: matrix://:token@host/?rooms=!room:host' },
    );
  }
  const token = password ?? user;
  const rooms = query.list('rooms', 'room') ?? path;
  const [first] = rooms;
  if (token === undefined || first === undefined || host === '')
    throw badUrl(name, 'matrix://:token@host/?rooms=!room:host');
  if (rooms.length > 1) {
    throw new AppError('input/invalid', `The channel "${name}" names several rooms`, {
      hint: 'Make a channel for each',
    });
  }
  const marked = /^[!#]/u.test(first) ? first : `#${first}`;
  return {
    type: 'matrix',
    server: `${webScheme(query)}://${host}`,
    token,
    room: marked.includes(':') ? marked : `${marked}:${host.replace(/:\d+$/u, '')}`,
  };
}

/** `workflows://host/id/signature` of Apprise; the retired connectors `teams://group@tenant/a/b?host=…` and `msteams://team/A/B/C`. */
export function teamsFromUrl(
  name: string,
  { scheme, user, host, path, query }: UrlParts,
): TeamsChannel {
  if (scheme === 'workflows') {
    const [id, signature] = path;
    if (host === '' || id === undefined || signature === undefined)
      throw badUrl(name, 'workflows://host/id/signature');
    const search = new URLSearchParams({
      'api-version': query.get('ver', 'api-version') ?? '2016-06-01',
      sp: '/triggers/manual/run',
      sv: '1.0',
      sig: signature,
    });
    return {
      type: 'teams',
      url: `https://${host}/workflows/${encodeURIComponent(id)}/triggers/manual/paths/invoke?${search.toString()}`,
    };
  }
  const [first, second, third] = path;
  const server = query.get('host');
  if (scheme === 'teams' && user !== undefined && server !== undefined && second !== undefined)
    return {
      type: 'teams',
      url: `https://${server}/webhookb2/${user}@${host}/IncomingWebhook/${first ?? ''}/${second}`,
    };
  if (scheme === 'msteams' && third !== undefined)
    return {
      type: 'teams',
      url: `https://${host}.webhook.office.com/webhookb2/${first ?? ''}/IncomingWebhook/${second ?? ''}/${third}`,
    };
  throw badUrl(name, 'teams+https://… with the address that Teams shows');
}

/** `mattermost://[user@]host/key[/channel]` of Shoutrrr; `mmost://` (HTTP) and `mmosts://` of Apprise. */
export function mattermostFromUrl(name: string, parts: UrlParts): MattermostChannel {
  const { scheme, user, host, path, query } = parts;
  const secure =
    scheme === 'mattermost' ? webScheme(query) : scheme === 'mmosts' ? 'https' : 'http';
  const [key, second] = path;
  if (host === '' || key === undefined) throw badUrl(name, 'mattermost://host/key');
  const channel = query.get('channel', 'channels', 'to') ?? second;
  return {
    type: 'mattermost',
    url: `${secure}://${host}/hooks/${encodeURIComponent(key)}`,
    ...(channel !== undefined && { channel }),
    ...(user !== undefined && { username: user }),
  };
}

/** `rocketchat://[user@]host/id/token[/channel]` of Shoutrrr; `rocket(s)://id%2Ftoken@host[/channel]` of Apprise. */
export function rocketChatFromUrl(name: string, parts: UrlParts): RocketChatChannel {
  const { scheme, user, password, host, path, query } = parts;
  const form = 'rocketchat://host/id/token';
  if (password !== undefined) throw badUrl(name, form);
  const byShoutrrr = scheme === 'rocketchat';
  const secure = byShoutrrr ? webScheme(query) : scheme === 'rockets' ? 'https' : 'http';
  const [id, token] = byShoutrrr ? path : (user ?? '').split('/');
  const channel = byShoutrrr ? path[2] : path[0];
  if (host === '' || id === undefined || id === '' || token === undefined) throw badUrl(name, form);
  return {
    type: 'rocketchat',
    url: `${secure}://${host}/hooks${pathOf([id, token])}`,
    ...(channel !== undefined && { channel: /^[#@]/u.test(channel) ? channel : `#${channel}` }),
    ...(byShoutrrr && user !== undefined && { username: user }),
  };
}
