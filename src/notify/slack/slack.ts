import { AppError } from '../../base/errors.ts';
import type { OpenChannel } from '../channel.ts';
import { jsonRequest, openHttpChannel } from '../http/http-channel.ts';
import type { HttpAnswer, HttpClient } from '../http/http-client.ts';
import { objectIn, textIn } from '../http/json-answer.ts';
import { below, secretAddress, webAddress } from '../http/web-address.ts';
import { messageMaker } from '../message.ts';
import { reveal } from '../reveal.ts';
import { slackAttachment } from '../slack-attachment.ts';

/** Errors of the Web API that may pass. */
const passing = new Set([
  'ratelimited',
  'rate_limited',
  'internal_error',
  'fatal_error',
  'request_timeout',
  'service_unavailable',
  'team_added_to_org',
]);

/**
 * Slack: an incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks), or `chat.postMessage` with the token of a bot. The
 * Web API answers 200 to everything; whether it was done is in `ok`.
 */
export const open: OpenChannel<'slack'> = async (name, settings, context, options) => {
  const { url, channel, server = 'https://slack.com/api' } = settings;
  const message = messageMaker(settings);
  if (url !== undefined) {
    const address = await secretAddress(name, url, context, options);
    const hook = webAddress(name, address);
    return await openHttpChannel(
      name,
      settings,
      context,
      {
        title: 'Slack',
        url: hook,
        secrets: hook.pathname.split('/').filter((part) => part.length >= 8),
        requests(report) {
          const said = message(report);
          const attachments = [slackAttachment(said, escapeSlack)];
          return [jsonRequest(hook, { text: escapeSlack(said.title), attachments })];
        },
      },
      options,
    );
  }
  const token = await reveal(name, settings.token, 'the token', context, options);
  if (token === undefined || channel === undefined) {
    throw new AppError(
      'input/invalid',
      `The channel "${name}" needs a "url", or a "token" with a "channel"`,
    );
  }
  const api = webAddress(name, server);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'Slack',
      url: api,
      secrets: [token],
      requests(report) {
        const said = message(report);
        const body = {
          channel,
          text: escapeSlack(said.title),
          attachments: [slackAttachment(said, escapeSlack)],
          unfurl_links: false,
        };
        return [
          jsonRequest(below(api, 'chat.postMessage'), body, {
            'content-type': 'application/json; charset=utf-8',
            authorization: `Bearer ${token}`,
          }),
        ];
      },
      judge: judgeWebApi,
    },
    options,
  );
};

function judgeWebApi(answer: HttpAnswer, client: HttpClient): string {
  const object = objectIn(answer.text);
  if (answer.status === 200 && object['ok'] === true) return '200: ok';
  const error = textIn(object, 'error');
  if (answer.status !== 200 || error === '') throw client.problem(answer);
  throw client.problem({ ...answer, status: passing.has(error) ? 503 : 400 }, 'Slack refuses it');
}

/** "You can use HTML character entities to encode these three" (https://docs.slack.dev/messaging/formatting-message-text): no mention, no link. */
const escapeSlack = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
