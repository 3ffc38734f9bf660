import { createHash } from 'node:crypto';

import type { CallOptions } from '../../base/call-options.ts';
import type { Channel, OpenChannel } from '../channel.ts';
import { jsonRequest } from '../http/http-channel.ts';
import { type HttpAnswer, HttpClient } from '../http/http-client.ts';
import { objectIn, textIn } from '../http/json-answer.ts';
import { below, webAddress } from '../http/web-address.ts';
import { type Message, messageMaker, messageText } from '../message.ts';
import { escapeHtml } from '../report-html.ts';
import { reveal } from '../reveal.ts';

/**
 * Matrix: `PUT …/rooms/{room}/send/m.room.message/{txnId}` of the client-server API (https://spec.matrix.org/latest/client-server-api/#sending-events-to-a-room). The
 * transaction is named after the report, so that the server drops one that it has already.
 */
export const open: OpenChannel<'matrix'> = async (name, settings, context, options) => {
  const server = webAddress(name, settings.server);
  const token = await reveal(name, settings.token, 'the token', context, options);
  const client = await HttpClient.open(name, server, [token], settings, context, options);
  const headers = { authorization: `Bearer ${token}` };
  const message = messageMaker(settings);
  let room = settings.room.startsWith('!') ? settings.room : undefined;

  /** The id of a room by its alias. */
  const idOf = async (alias: string, call: CallOptions): Promise<string> => {
    const url = below(server, `_matrix/client/v3/directory/room/${encodeURIComponent(alias)}`);
    const answer = await client.send({ method: 'GET', url, headers }, call);
    const id = textIn(objectIn(answer.text), 'room_id');
    if (answer.status === 200 && id !== '') return id;
    throw problemOf(client, answer);
  };

  const channel: Channel = {
    address: `Matrix at ${server.host}`,
    async send(report, call = {}) {
      room ??= await idOf(settings.room, call);
      const transaction = createHash('sha256').update(report.id).digest('hex').slice(0, 32);
      const url = below(
        server,
        `_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${transaction}`,
      );
      const request = jsonRequest(url, contentOf(message(report)), headers);
      const answer = await client.send({ ...request, method: 'PUT' }, call);
      if (answer.status === 200) return client.said(answer);
      throw problemOf(client, answer);
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
  return channel;
};

function contentOf(message: Message): Readonly<Record<string, unknown>> {
  const rows = message.facts.map(
    ({ label, value }) => `<li>${escapeHtml(label)}: ${escapeHtml(value)}</li>`,
  );
  return {
    msgtype: message.tone === 'bad' || message.tone === 'warning' ? 'm.text' : 'm.notice',
    body: `${message.title}\n${messageText(message, 16_000)}`,
    format: 'org.matrix.custom.html',
    formatted_body: `<strong>${escapeHtml(message.title)}</strong><ul>${rows.join('')}</ul>${message.output === undefined ? '' : `<pre>${escapeHtml(message.output.slice(-8000))}</pre>`}`,
    'm.mentions': {},
  };
}

function problemOf(client: HttpClient, answer: HttpAnswer): Error {
  const object = objectIn(answer.text);
  const wait = object['retry_after_ms'];
  const reasons: Readonly<Record<string, string>> = {
    M_UNKNOWN_TOKEN: 'the server does not accept the token',
    M_FORBIDDEN: 'the user of the token may not write in that room',
    M_NOT_FOUND: 'there is no such room',
  };
  const code = textIn(object, 'errcode');
  return client.problem(
    typeof wait === 'number' ? { ...answer, retryAfter: wait } : answer,
    Object.hasOwn(reasons, code) ? reasons[code] : undefined,
  );
}
