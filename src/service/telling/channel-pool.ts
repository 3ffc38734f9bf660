import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import type { ChannelSettings } from '../../model/channel.ts';
import type { Channel, ChannelContext } from '../../notify/channel.ts';
import { openChannel } from '../../notify/open-channel.ts';

interface PooledChannel {
  readonly settings: string;
  readonly channel: Promise<Channel>;
}

/** Channels that stay open between reports, as long as their settings are the same. */
export class ChannelPool implements AsyncDisposable {
  readonly #context: ChannelContext;
  readonly #channels = new Map<string, PooledChannel>();

  constructor(context: ChannelContext) {
    this.#context = context;
  }

  /** @throws AppError `input/invalid` for settings that make no sense, `notify/refused` for a channel that there is not any more */
  async get(
    name: string,
    settings: ChannelSettings | undefined,
    options: CallOptions = {},
  ): Promise<Channel> {
    if (settings === undefined) {
      await this.close(name);
      throw new AppError('notify/refused', `There is no channel "${name}" any more`);
    }
    const text = JSON.stringify(settings);
    const known = this.#channels.get(name);
    if (known?.settings === text) return await known.channel;
    await this.close(name);
    const channel = openChannel(name, settings, this.#context, options);
    this.#channels.set(name, { settings: text, channel });
    try {
      return await channel;
    } catch (error) {
      this.#channels.delete(name);
      throw error;
    }
  }

  /** Next time it is opened anew: its secrets may have changed. */
  async close(name: string): Promise<void> {
    const known = this.#channels.get(name);
    this.#channels.delete(name);
    const channel = await known?.channel.catch(() => undefined);
    await channel?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#channels.keys()].map((name) => this.close(name)));
  }
}
