import type { Message } from './message.ts';
import { lastBytes, shortened } from './plain-line.ts';
import type { Tone } from './report-tone.ts';

/** For the services that show attachments as Slack defined them: Slack, Mattermost, Rocket.Chat. */
export interface SlackAttachment {
  readonly color: string;
  readonly fallback: string;
  readonly title: string;
  readonly fields: readonly {
    readonly title: string;
    readonly value: string;
    readonly short: boolean;
  }[];
  readonly text?: string;
  readonly mrkdwn_in: readonly string[];
}

export const toneColours: Readonly<Record<Tone, string>> = {
  good: '#2e8b57',
  warning: '#c77700',
  bad: '#d13438',
  neutral: '#6b7280',
};

/** @param escape makes a text mean nothing else than itself to the service */
export function slackAttachment(
  { title, tone, facts, output }: Message,
  escape: (text: string) => string,
): SlackAttachment {
  return {
    color: toneColours[tone],
    fallback: escape(title),
    title: escape(title),
    fields: facts.map(({ label, value }) => ({
      title: label,
      value: escape(shortened(value, 500)),
      short: value.length <= 40,
    })),
    ...(output !== undefined && {
      text: `\`\`\`\n${escape(lastBytes(output, 2500)).replaceAll('```', "'''")}\n\`\`\``,
    }),
    mrkdwn_in: output === undefined ? [] : ['text'],
  };
}
