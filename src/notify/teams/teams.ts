import type { OpenChannel } from '../channel.ts';
import { escapeMarkdown } from '../escape-markdown.ts';
import { jsonRequest, openHttpChannel } from '../http/http-channel.ts';
import { secretAddress, webAddress } from '../http/web-address.ts';
import { messageMaker } from '../message.ts';
import { lastBytes, shortened } from '../plain-line.ts';
import type { Tone } from '../report-tone.ts';

const colours: Readonly<Record<Tone, string>> = {
  good: 'good',
  warning: 'warning',
  bad: 'attention',
  neutral: 'default',
};

/**
 * Microsoft Teams: a workflow that begins with "when a Teams webhook request is received" takes a message with an adaptive card
 * (https://learn.microsoft.com/power-automate/teams/send-a-message-in-teams), of at most 28 KB.
 */
export const open: OpenChannel<'teams'> = async (name, settings, context, options) => {
  const url = webAddress(name, await secretAddress(name, settings.url, context, options));
  const message = messageMaker(settings);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'Teams',
      url,
      secrets: [url.searchParams.get('sig') ?? '', ...url.pathname.split('/')].filter(
        (part) => part.length >= 8,
      ),
      requests(report) {
        const { title, tone, facts, output } = message(report);
        const content = {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [
            {
              type: 'TextBlock',
              text: escapeMarkdown(title),
              size: 'medium',
              weight: 'bolder',
              color: colours[tone],
              wrap: true,
            },
            {
              type: 'FactSet',
              facts: facts.map(({ label, value }) => ({
                title: label,
                value: escapeMarkdown(shortened(value, 500)),
              })),
            },
            ...(output === undefined
              ? []
              : [
                  {
                    type: 'TextBlock',
                    text: escapeMarkdown(lastBytes(output, 4000)).replaceAll('\n', '\n\n'),
                    fontType: 'monospace',
                    wrap: true,
                  },
                ]),
          ],
        };
        const contentType = 'application/vnd.microsoft.card.adaptive';
        return [
          jsonRequest(url, {
            type: 'message',
            attachments: [{ contentType, contentUrl: null, content }],
          }),
        ];
      },
    },
    options,
  );
};
