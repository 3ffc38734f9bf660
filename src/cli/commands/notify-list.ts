import type { NotifyRule } from '../../model/job.ts';
import { channelDescription } from '../../notify/channel-description.ts';
import { channelTypeOf, defaultEventsOf } from '../../notify/channel-type.ts';
import type { CommandRun } from '../command.ts';
import type { notifyList } from '../definitions/notify.ts';
import { readChannels } from '../notify/read-channels.ts';
import { displayText } from '../output/display-text.ts';

export const run: CommandRun<typeof notifyList> = async ({ flags }, session) => {
  const { output } = session;
  const { configuration } = await readChannels(flags, session);
  const { channels, settings, jobs } = configuration;
  const ownRules = jobs.flatMap(({ name, notify }) =>
    (notify ?? []).map((rule) => ({ name, rule })),
  );
  const rows = Object.entries(channels).map(([name, channel]) => {
    const isOurs = ({ channel: other }: NotifyRule): boolean => other === name;
    const general = settings.notify?.filter(isOurs) ?? [{ channel: name }];
    const events = [...new Set(general.flatMap(({ on }) => on ?? defaultEventsOf(channel)))];
    const ofJobs = [
      ...new Set(ownRules.filter(({ rule }) => isOurs(rule)).map(({ name: job }) => job)),
    ];
    const isOff = channel.enabled === false;
    const type = channelTypeOf(channel) ?? 'url';
    const where = channelDescription(channel);
    output.object({
      type: 'channel',
      name,
      kind: type,
      where,
      enabled: !isOff,
      events,
      jobs: ofJobs,
    });
    return [
      name,
      type,
      displayText(where),
      isOff ? 'switched off' : events.join(', '),
      ofJobs.join(', '),
    ];
  });
  if (rows.length === 0) output.note('There are no channels');
  output.table(
    [
      { title: 'Channel' },
      { title: 'Type' },
      { title: 'Where' },
      { title: 'Told of' },
      { title: 'Also named by' },
    ],
    rows,
  );
  return 0;
};
