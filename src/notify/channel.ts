import type { CallOptions } from '../base/call-options.ts';
import type { Clock } from '../base/clock.ts';
import type { RandomBytes } from '../base/random.ts';
import type { Secret } from '../base/secret.ts';
import type { ChannelSettings } from '../model/channel.ts';
import type { Report } from '../model/report.ts';
import type { SecretValue } from '../model/secret-value.ts';

/** A way to tell somebody: opened by `openChannel`, closed when it is not needed for a while. */
export interface Channel extends AsyncDisposable {
  /** Where it leads, for people; without secrets: `ntfy at ntfy.sh`. */
  readonly address: string;
  /**
   * Resolves once the other side has taken it, with what it said, on one line. The same report again is sent with the same
   * identification, so that the other side may drop it where it can.
   *
   * Errors: `notify/failed` where another try may help; `notify/refused` where somebody has to change something first.
   */
  send(report: Report, options?: CallOptions): Promise<string>;
  /** Several at once; only what can have a digest has it. */
  sendDigest?(reports: readonly Report[], options?: CallOptions): Promise<string>;
}

/** What channels need from outside. */
export interface ChannelContext {
  /** Finds out a secret; `what` is the middle of a sentence: `the token of the channel "ops"`. */
  readonly resolveSecret: (
    value: SecretValue,
    what: string,
    options?: CallOptions,
  ) => Promise<Secret>;
  /** Relative paths are relative to this. */
  readonly baseDirectory: string;
  /** For scripts, and where proxies are read from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** The settings of one type. */
export type SettingsOf<Type extends ChannelSettings['type']> = Extract<
  ChannelSettings,
  { readonly type: Type }
>;

/** What a module of the registry has: makes a channel, which connects when it has something to send. */
export type OpenChannel<Type extends ChannelSettings['type']> = (
  name: string,
  settings: SettingsOf<Type>,
  context: ChannelContext,
  options: CallOptions,
) => Promise<Channel>;
