import { text } from 'node:stream/consumers';

import { didYouMean } from '../../base/did-you-mean.ts';
import { AppError } from '../../base/errors.ts';
import { systemRandom } from '../../base/random.ts';
import { resolveSecret } from '../../configuration/resolve-secret.ts';
import type { ChannelSettings } from '../../model/channel.ts';
import type { NoticeEvent } from '../../model/job.ts';
import { tryChannel } from '../../service/telling/try-channel.ts';
import type { CommandInput, CommandRun } from '../command.ts';
import type { notifyTest } from '../definitions/notify.ts';
import { fullHostName } from '../jobs/full-host-name.ts';
import { readChannels } from '../notify/read-channels.ts';
import { displayText } from '../output/display-text.ts';
import type { CommandSession } from '../session.ts';

export const run: CommandRun<typeof notifyTest> = async (input, session) => {
  const { output, environment, clock, signal } = session;
  const { name, settings, baseDirectory, hostname, timeZone } = await chosenChannel(input, session);
  const { address, answer } = await tryChannel(
    {
      name,
      settings,
      context: {
        resolveSecret: (value, what, options) =>
          resolveSecret(value, { environment, baseDirectory }, what, options),
        baseDirectory,
        environment,
        clock,
        random: systemRandom,
      },
      host: hostname ?? (await fullHostName(session)),
      timeZone: timeZone ?? session.timeZone,
      ...(input.flags.event !== undefined && { event: input.flags.event as NoticeEvent }),
      ...(input.flags.job !== undefined && { job: input.flags.job }),
      onOpen: (goal) => output.note(`Trying ${displayText(goal)}`),
    },
    { signal },
  );
  output.object({ type: 'answer', channel: name, address, answer });
  output.line(`Answer: ${displayText(answer)}`);
  return 0;
};

interface ChosenChannel {
  readonly name: string;
  readonly settings: ChannelSettings;
  readonly baseDirectory: string;
  readonly hostname?: string | undefined;
  readonly timeZone?: string | undefined;
}

async function chosenChannel(
  input: CommandInput<typeof notifyTest>,
  session: CommandSession,
): Promise<ChosenChannel> {
  const given = input.arguments.CHANNEL;
  const url = given === '-' ? (await text(session.stdin)).trim() : given;
  if (given === '-' || given.includes('://')) {
    return {
      name: 'test',
      settings: { type: 'url', url },
      baseDirectory: session.workingDirectory,
    };
  }
  const { configuration, baseDirectory } = await readChannels(input.flags, session);
  const { channels, settings } = configuration;
  const channel = Object.hasOwn(channels, given) ? channels[given] : undefined;
  if (channel !== undefined) {
    const { hostname, timeZone } = settings;
    return { name: given, settings: channel, baseDirectory, hostname, timeZone };
  }
  const names = Object.keys(channels);
  const nearest = didYouMean(given, names);
  throw new AppError(
    'input/invalid',
    `There is no channel "${given}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
    {
      hint:
        names.length === 0
          ? 'Channels are in the configuration; a URL can be tried without one'
          : `There are ${names.join(', ')}`,
    },
  );
}
