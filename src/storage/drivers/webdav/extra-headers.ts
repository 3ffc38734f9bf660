import { AppError } from '../../../base/errors.ts';
import type { Secret } from '../../../base/secret.ts';

/** Headers that are ours to set, and that would change what a request means. */
const ours = new Set([
  'authorization',
  'content-length',
  'depth',
  'destination',
  'host',
  'overwrite',
  'range',
  'transfer-encoding',
]);

/** Reads `NAME,VALUE,NAME,VALUE`. Throws `input/usage`, without the values: they may be secret. */
export function parseHeaders(text: Secret | undefined): Readonly<Record<string, string>> {
  if (text === undefined) return {};
  const parts = text.reveal().split(',');
  const headers: Record<string, string> = {};
  for (let index = 0; index < parts.length; index += 2) {
    const name = (parts[index] ?? '').trim().toLowerCase();
    const value = parts[index + 1]?.trim();
    if (value === undefined || !/^[a-z0-9-]+$/u.test(name) || !/^[\u0020-\u007e]*$/u.test(value))
      throw new AppError(
        'input/usage',
        'The option "headers" is not of the form NAME,VALUE,NAME,VALUE',
      );
    if (ours.has(name))
      throw new AppError(
        'input/usage',
        `The header "${name}" of the option "headers" is set by Holdfast itself`,
      );
    headers[name] = value;
  }
  return headers;
}
