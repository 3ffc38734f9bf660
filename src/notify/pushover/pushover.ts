import type { OpenChannel } from '../channel.ts';
import { openHttpChannel } from '../http/http-channel.ts';
import { objectIn } from '../http/json-answer.ts';
import { below, webAddress } from '../http/web-address.ts';
import { messageMaker, messageText } from '../message.ts';
import type { Tone } from '../report-tone.ts';
import { reveal } from '../reveal.ts';

const priorities: Readonly<Record<Tone, number>> = { bad: 1, warning: 0, good: 0, neutral: -1 };

/** Pushover (https://pushover.net/api): a title has at most 250 characters, a message 1024; priority 2 needs `retry` (≥ 30 s) and `expire` (≤ 3 h). */
export const open: OpenChannel<'pushover'> = async (name, settings, context, options) => {
  const { device, sound } = settings;
  const server = webAddress(name, settings.server ?? 'https://api.pushover.net');
  const token = await reveal(name, settings.token, 'the token', context, options);
  const user = await reveal(name, settings.user, 'the user', context, options);
  const message = messageMaker(settings);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'Pushover',
      url: server,
      secrets: [token, user],
      requests(report) {
        const said = message(report);
        const priority = settings.priority ?? priorities[said.tone];
        const form = new URLSearchParams({
          token,
          user,
          title: said.title,
          message: messageText(said, 1000),
          priority: String(priority),
          timestamp: String(Math.floor(report.at / 1000)),
          ...(priority === 2 && { retry: '60', expire: '3600' }),
          ...(device !== undefined && { device }),
          ...(sound !== undefined && { sound }),
        });
        return [
          {
            method: 'POST',
            url: below(server, '1/messages.json'),
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
            body: form.toString(),
          },
        ];
      },
      judge(answer, client) {
        if (answer.status === 200 && objectIn(answer.text)['status'] === 1)
          return client.said(answer);
        throw client.problem(answer.status === 200 ? { ...answer, status: 400 } : answer);
      },
    },
    options,
  );
};
