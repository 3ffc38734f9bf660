import type { CallOptions } from '../base/call-options.ts';
import type { SecretValue } from '../model/secret-value.ts';
import type { ChannelContext } from './channel.ts';

/** Finds out a secret of a channel; `what` is such as `the token`. Nothing for nothing. */
export async function reveal<Value extends SecretValue | undefined>(
  name: string,
  value: Value,
  what: string,
  { resolveSecret }: ChannelContext,
  options: CallOptions,
): Promise<Value extends undefined ? undefined : string>;
export async function reveal(
  name: string,
  value: SecretValue | undefined,
  what: string,
  { resolveSecret }: ChannelContext,
  options: CallOptions,
): Promise<string | undefined> {
  if (value === undefined) return undefined;
  return (await resolveSecret(value, `${what} of the channel "${name}"`, options)).reveal().trim();
}
