import type { OpenChannel } from '../channel.ts';
import { jsonRequest, openHttpChannel } from '../http/http-channel.ts';
import { basic } from '../http/http-client.ts';
import { webAddress } from '../http/web-address.ts';
import { messageMaker, messageText } from '../message.ts';
import type { Tone } from '../report-tone.ts';
import { reveal } from '../reveal.ts';

const priorities: Readonly<Record<Tone, number>> = { bad: 4, warning: 3, good: 3, neutral: 2 };
/** Tags that ntfy shows as emojis. */
const tags: Readonly<Record<Tone, string>> = {
  bad: 'rotating_light',
  warning: 'warning',
  good: 'white_check_mark',
  neutral: 'hourglass_flowing_sand',
};

/** ntfy, published as JSON (https://docs.ntfy.sh/publish/#publish-as-json); longer messages than 4096 bytes would become attachments. */
export const open: OpenChannel<'ntfy'> = async (name, settings, context, options) => {
  const server = webAddress(name, settings.server ?? 'https://ntfy.sh');
  const topic = await reveal(name, settings.topic, 'the topic', context, options);
  const token = await reveal(name, settings.token, 'the token', context, options);
  const password = await reveal(name, settings.password, 'the password', context, options);
  const authorization =
    token === undefined
      ? settings.user === undefined
        ? undefined
        : basic(encodeURIComponent(settings.user), encodeURIComponent(password ?? ''))
      : `Bearer ${token}`;
  const message = messageMaker(settings);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'ntfy',
      url: server,
      secrets: [topic, token ?? '', password ?? ''],
      requests(report) {
        const said = message(report);
        return [
          jsonRequest(
            server,
            {
              topic,
              title: said.title,
              message: messageText(said, 4000),
              priority: settings.priority ?? priorities[said.tone],
              tags: settings.tags ?? [tags[said.tone]],
              ...(settings.click !== undefined && { click: settings.click }),
            },
            authorization === undefined ? {} : { authorization },
          ),
        ];
      },
    },
    options,
  );
};
