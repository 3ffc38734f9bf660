import { AppError } from '../base/errors.ts';
import { isSecretName } from '../model/secret-name.ts';
import { listCounterparts } from './list-counterparts.ts';

/** What stands where a secret was. */
export const MASK = '[secret]';

/** Fields whose text is a secret wherever they stand; an object there only says where the secret is. */
const secretFields = new Set([
  'passphrase',
  'password',
  'token',
  'secret',
  'clientSecret',
  'refreshToken',
  'routingKey',
  'healthchecksUrl',
  'uptimeKumaUrl',
]);

/** Objects whose texts are secrets if their names or what they hold look like it. */
const mapsOfSecrets = new Set(['environment', 'flags', 'headers', 'options', 'scratch']);

/** Of channels the address and more is a secret: whoever has it may write there. */
const secretFieldsOfChannels = new Set([...secretFields, 'url', 'topic', 'user', 'proxy']);

/** A document of the configuration without its secrets: what may be shown. Where a secret is found elsewhere (a file, a variable), the place stays. */
export function maskSecrets<Value>(document: Value, kind: 'channel' | 'other' = 'other'): Value {
  const fields = kind === 'channel' ? secretFieldsOfChannels : secretFields;
  return masked(document, undefined, undefined, fields) as Value;
}

/**
 * What was written after somebody had been shown `maskSecrets(kept)`: where the mask came back, the secret that was kept is put in again.
 *
 * @throws AppError `input/invalid` where a mask stands for nothing that was kept
 */
export function unmaskSecrets<Value>(
  written: Value,
  kept: Value | undefined,
  kind: 'channel' | 'other' = 'other',
): Value {
  const shown = kept === undefined ? undefined : maskSecrets(kept, kind);
  return unmasked(written, kept, shown, []) as Value;
}

function masked(
  value: unknown,
  key: string | undefined,
  parent: string | undefined,
  fields: ReadonlySet<string>,
): unknown {
  if (typeof value === 'string') {
    if (key === undefined) return value;
    if (fields.has(key)) return MASK;
    if (parent !== undefined && mapsOfSecrets.has(parent) && isSecretName(key)) return MASK;
    return maskAddress(value);
  }
  if (Array.isArray(value)) return value.map((item) => masked(item, key, parent, fields));
  if (typeof value !== 'object' || value === null) return value;
  // An object in the place of a secret tells where it is, which is none.
  const isPlace = key !== undefined && (fields.has(key) || mapsOfSecrets.has(parent ?? ''));
  if (isPlace) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, masked(inner, name, key, fields)]),
  );
}

/** Addresses in a text (`scheme://user:password@host/path?token=x`) without the password, nor what the query calls secret. */
function maskAddress(text: string): string {
  if (!text.includes('://')) return text;
  return text
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/[^/?#:@\s]*):[^/?#\s]*@/giu, `$1:${MASK}@`)
    .replaceAll(/([?&]([^=&#\s]+)=)[^&#\s]*/gu, (whole, before: string, name: string) =>
      isSecretName(name) ? `${before}${MASK}` : whole,
    );
}

function unmasked(value: unknown, kept: unknown, shown: unknown, path: readonly string[]): unknown {
  if (typeof value === 'string') {
    if (!value.includes(MASK)) return value;
    if (typeof kept === 'string' && value === shown) return kept;
    throw new AppError('input/invalid', `The secret at "${path.join('.')}" is missing`, {
      hint: `"${MASK}" stands for a secret that is kept already; there is none here: write it anew`,
    });
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const before = listCounterparts(value, Array.isArray(shown) ? shown : []);
    return value.map((inner: unknown, index) => {
      const key = before[index] === undefined ? undefined : String(before[index]);
      return unmasked(inner, inside(kept, key), inside(shown, key), [...path, String(index)]);
    });
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      unmasked(inner, inside(kept, key), inside(shown, key), [...path, key]),
    ]),
  );
}

function inside(from: unknown, key: string | undefined): unknown {
  return key !== undefined && typeof from === 'object' && from !== null && Object.hasOwn(from, key)
    ? (from as Record<string, unknown>)[key]
    : undefined;
}
