import type { OpenChannel } from '../channel.ts';
import { escapeMarkdown } from '../escape-markdown.ts';
import { jsonRequest, openHttpChannel } from '../http/http-channel.ts';
import { secretAddress, webAddress } from '../http/web-address.ts';
import { messageMaker } from '../message.ts';
import { slackAttachment } from '../slack-attachment.ts';

/** An incoming webhook of Mattermost (https://developers.mattermost.com/integrate/webhooks/incoming/). */
export const open: OpenChannel<'mattermost'> = async (name, settings, context, options) => {
  const url = webAddress(name, await secretAddress(name, settings.url, context, options));
  const { channel, username, iconUrl } = settings;
  const message = messageMaker(settings);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'Mattermost',
      url,
      secrets: url.pathname.split('/').filter((part) => part.length >= 8),
      requests: (report) => [
        jsonRequest(url, {
          ...(channel !== undefined && { channel }),
          ...(username !== undefined && { username }),
          ...(iconUrl !== undefined && { icon_url: iconUrl }),
          attachments: [slackAttachment(message(report), escapeMarkdown)],
        }),
      ],
    },
    options,
  );
};
