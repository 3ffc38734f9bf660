import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { Secret } from '../../src/base/secret.ts';
import type { ChannelContext } from '../../src/notify/channel.ts';

/** What channels need, for tests: secrets are written out, nothing comes from the environment. */
export function channelContext(changes: Partial<ChannelContext> = {}): ChannelContext {
  return {
    resolveSecret: (value) =>
      typeof value === 'string'
        ? Promise.resolve(new Secret(value))
        : Promise.reject(new Error('Tests write their secrets out')),
    baseDirectory: '/',
    environment: {},
    clock: systemClock,
    random: systemRandom,
    ...changes,
  };
}
