import { createHash } from 'node:crypto';

import type { Report } from '../../model/report.ts';
import type { OpenChannel } from '../channel.ts';
import { jsonRequest, openHttpChannel } from '../http/http-channel.ts';
import { below, webAddress } from '../http/web-address.ts';
import { messageMaker } from '../message.ts';
import { lastBytes } from '../plain-line.ts';
import { reveal } from '../reveal.ts';

/**
 * PagerDuty, Events API v2 (https://developer.pagerduty.com/docs/events-api-v2/): what is bad triggers an alert, what is good resolves it. They belong together by
 * `dedup_key`, which is made from host, job and activity.
 */
export const open: OpenChannel<'pagerduty'> = async (name, settings, context, options) => {
  const server = webAddress(name, settings.server ?? 'https://events.pagerduty.com');
  const routingKey = await reveal(name, settings.routingKey, 'the routing key', context, options);
  const message = messageMaker(settings);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'PagerDuty',
      url: server,
      secrets: [routingKey],
      requests(report) {
        const { title, tone, facts, output } = message(report);
        if (tone === 'neutral') return [];
        const details = Object.fromEntries(facts.map(({ label, value }) => [label, value]));
        const event = {
          routing_key: routingKey,
          event_action: tone === 'good' ? 'resolve' : 'trigger',
          dedup_key: dedupKeyOf(report),
          client: 'Holdfast',
          payload: {
            summary: title,
            source: report.host,
            severity: settings.severity ?? (tone === 'bad' ? 'error' : 'warning'),
            timestamp: new Date(report.at).toISOString(),
            component: report.job,
            class: report.run?.activity ?? 'alarm',
            custom_details: {
              ...details,
              ...(output !== undefined && { Output: lastBytes(output, 20_000) }),
            },
          },
        };
        return [jsonRequest(below(server, 'v2/enqueue'), event)];
      },
    },
    options,
  );
};

/** What a job is there for is one incident, whether it failed or did not happen; what else is done about it has its own. */
function dedupKeyOf({ host, job, run }: Report): string {
  const activity = run?.activity ?? 'backup';
  const isMain = activity === 'backup' || activity === 'task' || activity === 'commands';
  const key = `holdfast/${host}/${job}/${isMain ? 'run' : activity}`;
  // At most 255 characters.
  if (key.length <= 255) return key;
  return `holdfast/${createHash('sha256').update(key).digest('hex')}`;
}
