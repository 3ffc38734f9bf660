import type { OpenChannel } from '../channel.ts';
import { jsonRequest, openHttpChannel } from '../http/http-channel.ts';
import { objectIn, textIn } from '../http/json-answer.ts';
import { below, webAddress } from '../http/web-address.ts';
import { messageMaker, messageText } from '../message.ts';
import { escapeHtml } from '../report-html.ts';
import { reveal } from '../reveal.ts';

/** Telegram: `sendMessage` of a bot (https://core.telegram.org/bots/api#sendmessage), one for each chat; a text has at most 4096 characters. */
export const open: OpenChannel<'telegram'> = async (name, settings, context, options) => {
  const { chats, thread, silent = true } = settings;
  const server = webAddress(name, settings.server ?? 'https://api.telegram.org');
  const token = await reveal(name, settings.token, 'the token', context, options);
  const method = below(server, `bot${token}/sendMessage`);
  const message = messageMaker(settings);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'Telegram',
      url: server,
      secrets: [token, token.split(':')[1] ?? ''],
      requests(report) {
        const said = message(report);
        const text = `<b>${escapeHtml(said.title)}</b>\n\n${escapeHtml(messageText(said, 3500))}`;
        return chats.map((chat) =>
          jsonRequest(method, {
            chat_id: chat,
            text,
            parse_mode: 'HTML',
            link_preview_options: { is_disabled: true },
            disable_notification: silent && (said.tone === 'good' || said.tone === 'neutral'),
            ...(thread !== undefined && { message_thread_id: thread }),
          }),
        );
      },
      judge(answer, client) {
        const object = objectIn(answer.text);
        if (answer.status === 200 && object['ok'] === true) return '200: ok';
        const { parameters } = object;
        const seconds =
          typeof parameters === 'object' && parameters !== null && 'retry_after' in parameters
            ? parameters.retry_after
            : undefined;
        const hint = textIn(object, 'description').includes('chat not found')
          ? 'Somebody has to write to the bot first, or add it to the group'
          : undefined;
        throw client.problem(
          typeof seconds === 'number' ? { ...answer, retryAfter: seconds * 1000 } : answer,
          undefined,
          hint,
        );
      },
    },
    options,
  );
};
