import type { OpenChannel } from '../channel.ts';
import { jsonRequest, openHttpChannel } from '../http/http-channel.ts';
import { below, webAddress } from '../http/web-address.ts';
import { messageMaker, messageText } from '../message.ts';
import type { Tone } from '../report-tone.ts';
import { reveal } from '../reveal.ts';

const priorities: Readonly<Record<Tone, number>> = { bad: 8, warning: 5, good: 2, neutral: 2 };

/** Gotify: `POST /message` with the token of an application (https://gotify.net/api-docs). */
export const open: OpenChannel<'gotify'> = async (name, settings, context, options) => {
  const server = webAddress(name, settings.server);
  const token = await reveal(name, settings.token, 'the token', context, options);
  const message = messageMaker(settings);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'Gotify',
      url: server,
      secrets: [token],
      requests(report) {
        const said = message(report);
        const body = {
          title: said.title,
          message: messageText(said, 8000),
          priority: settings.priority ?? priorities[said.tone],
          extras: { 'client::display': { contentType: 'text/plain' } },
        };
        return [jsonRequest(below(server, 'message'), body, { 'x-gotify-key': token })];
      },
    },
    options,
  );
};
