import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import type { SecretValue } from '../../model/secret-value.ts';
import type { ChannelContext } from '../channel.ts';

/** Finds out the secret address of a channel. @throws AppError `input/invalid` if it is none; what it is never is in the sentence. */
export async function secretAddress(
  name: string,
  url: SecretValue,
  { resolveSecret }: ChannelContext,
  options: CallOptions,
): Promise<string> {
  const secret = await resolveSecret(url, `the URL of the channel "${name}"`, options);
  const text = secret.reveal().trim();
  webAddress(name, text);
  return text;
}

/** Reads an address with `https:` or `http:`. */
export function webAddress(name: string, text: string): URL {
  if (/^https?:\/\/[^\s/]/iu.test(text) && URL.canParse(text)) return new URL(text);
  throw new AppError('input/invalid', `The URL of the channel "${name}" is not a web address`, {
    hint: 'It begins with https:// or http://',
  });
}

/** An address below another one: `https://host/base` and `v1/x` make `https://host/base/v1/x`. */
export function below(base: URL, path: string): URL {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/u, '')}/${path}`;
  return url;
}
