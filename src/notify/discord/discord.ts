import type { OpenChannel } from '../channel.ts';
import { escapeMarkdown } from '../escape-markdown.ts';
import { jsonRequest, openHttpChannel } from '../http/http-channel.ts';
import { objectIn } from '../http/json-answer.ts';
import { secretAddress, webAddress } from '../http/web-address.ts';
import { messageMaker } from '../message.ts';
import { lastBytes, shortened } from '../plain-line.ts';
import { toneColours } from '../slack-attachment.ts';

/**
 * A webhook of Discord (https://discord.com/developers/docs/resources/webhook#execute-webhook): one embed; a title has at most 256 characters, a field's name 256 and
 * value 1024, the description 4096, there are at most 25 fields and all together have 6000.
 */
export const open: OpenChannel<'discord'> = async (name, settings, context, options) => {
  const address = await secretAddress(name, settings.url, context, options);
  const url = webAddress(name, address);
  const { username, avatarUrl, thread } = settings;
  const message = messageMaker(settings);
  const hook = new URL(url);
  hook.searchParams.set('wait', 'true');
  if (thread !== undefined) hook.searchParams.set('thread_id', thread);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'Discord',
      url,
      secrets: url.pathname.split('/').filter((part) => part.length >= 8),
      requests(report) {
        const { title, tone, facts, output } = message(report);
        const body = {
          ...(username !== undefined && { username }),
          ...(avatarUrl !== undefined && { avatar_url: avatarUrl }),
          // Nobody is called by whatever is in a report.
          allowed_mentions: { parse: [] },
          embeds: [
            {
              title: shortened(escapeMarkdown(title), 256),
              color: Number.parseInt(toneColours[tone].slice(1), 16),
              timestamp: new Date(report.at).toISOString(),
              fields: facts.slice(0, 25).map(({ label, value }) => ({
                name: label,
                value: shortened(escapeMarkdown(value), 300),
                inline: value.length <= 30,
              })),
              ...(output !== undefined && {
                description: `\`\`\`\n${lastBytes(output, 1500).replaceAll('```', "'''")}\n\`\`\``,
              }),
            },
          ],
        };
        return [jsonRequest(hook, body)];
      },
      judge(answer, client) {
        if (answer.status >= 200 && answer.status < 300) return String(answer.status);
        const seconds = objectIn(answer.text)['retry_after'];
        throw client.problem(
          typeof seconds === 'number' ? { ...answer, retryAfter: seconds * 1000 } : answer,
        );
      },
    },
    options,
  );
};
