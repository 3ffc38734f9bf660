import type { OpenChannel } from '../channel.ts';
import { escapeMarkdown } from '../escape-markdown.ts';
import { jsonRequest, openHttpChannel } from '../http/http-channel.ts';
import { objectIn } from '../http/json-answer.ts';
import { secretAddress, webAddress } from '../http/web-address.ts';
import { messageMaker } from '../message.ts';
import { slackAttachment } from '../slack-attachment.ts';

/** An incoming integration of Rocket.Chat (https://docs.rocket.chat/docs/create-a-new-incoming-webhook). */
export const open: OpenChannel<'rocketchat'> = async (name, settings, context, options) => {
  const url = webAddress(name, await secretAddress(name, settings.url, context, options));
  const { channel, username } = settings;
  const message = messageMaker(settings);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'Rocket.Chat',
      url,
      secrets: url.pathname.split('/').filter((part) => part.length >= 8),
      requests(report) {
        const said = message(report);
        return [
          jsonRequest(url, {
            text: escapeMarkdown(said.title),
            ...(channel !== undefined && { channel }),
            ...(username !== undefined && { alias: username }),
            attachments: [slackAttachment(said, escapeMarkdown)],
          }),
        ];
      },
      judge(answer, client) {
        if (answer.status === 200 && objectIn(answer.text)['success'] !== false)
          return client.said(answer);
        throw client.problem(answer.status === 200 ? { ...answer, status: 400 } : answer);
      },
    },
    options,
  );
};
