import { didYouMean } from '../../base/did-you-mean.ts';
import { AppError } from '../../base/errors.ts';
import { plainLine } from '../plain-line.ts';

/**
 * The address of a channel, taken apart. Not by the rules of `URL`: what Shoutrrr and Apprise write where a host would be is often a token with colons, and
 * names of rooms begin with `#`.
 */
export interface UrlParts {
  /** In lower case. */
  readonly scheme: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** What stands before the path: a host with its port, or a token. */
  readonly host: string;
  /** Its parts, without empty ones. */
  readonly path: readonly string[];
  readonly query: Query;
}

/** The query of an address; keys in any case. It knows which keys somebody asked for, so that the rest can be told. */
export class Query {
  readonly #values: ReadonlyMap<string, string>;
  readonly #original: URLSearchParams;
  readonly #asked = new Set<string>();

  constructor(text: string) {
    this.#original = new URLSearchParams(text);
    this.#values = new Map(
      [...this.#original].map(([key, value]) => [key.toLowerCase(), value] as const),
    );
  }

  /** The value of the first of these keys that is there and not empty. */
  get(...keys: readonly string[]): string | undefined {
    for (const key of keys) this.#asked.add(key);
    return keys
      .map((key) => this.#values.get(key))
      .find((value) => value !== undefined && value !== '');
  }

  /** `yes`, `true`, `1`, `on`, or their opposites. */
  flag(...keys: readonly string[]): boolean | undefined {
    const text = this.get(...keys)?.toLowerCase();
    if (text === undefined) return undefined;
    return ['yes', 'true', '1', 'on', 'y'].includes(text);
  }

  list(...keys: readonly string[]): readonly string[] | undefined {
    const items = this.get(...keys)
      ?.split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    return items === undefined || items.length === 0 ? undefined : items;
  }

  /** What nobody asked for, as it was written. */
  rest(): URLSearchParams {
    return new URLSearchParams(
      [...this.#original].filter(([key]) => !this.#asked.has(key.toLowerCase())),
    );
  }

  /** @throws AppError `input/invalid` for a key that means nothing */
  checkAllAsked(name: string): void {
    for (const key of this.rest().keys()) {
      if (cosmetic.has(key.toLowerCase())) continue;
      const nearest = didYouMean(key, [...this.#asked]);
      throw new AppError(
        'input/invalid',
        `The URL of the channel "${name}" has an unknown option "${plainLine(key, 60)}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
      );
    }
  }
}

/** Options of Shoutrrr and Apprise about looks that have no meaning here. */
const cosmetic = new Set([
  'avatar',
  'clienthost',
  'color',
  'colorcritical',
  'colordebug',
  'colorerror',
  'colorinfo',
  'colorwarn',
  'colour',
  'emojis',
  'footer',
  'format',
  'icon',
  'image',
  'json',
  'overflow',
  'parsemode',
  'preview',
  'splitlines',
  'threadts',
  'tz',
  'usehtml',
  'cache',
  'firebase',
]);

const pattern = /^([a-z][a-z0-9+.-]*):\/\/(?:([^/?]*)@)?([^/?]*)([^?]*)(?:\?(.*))?$/isu;

/** Takes an address apart; `undefined` if it is none. */
export function urlParts(text: string): UrlParts | undefined {
  const match = pattern.exec(text.trim());
  if (match === null) return undefined;
  const [, scheme = '', userinfo, host = '', path = '', query = ''] = match;
  const colon = userinfo?.indexOf(':') ?? -1;
  return {
    scheme: scheme.toLowerCase(),
    user:
      userinfo === undefined
        ? undefined
        : notEmpty(decoded(colon === -1 ? userinfo : userinfo.slice(0, colon))),
    password:
      userinfo === undefined || colon === -1
        ? undefined
        : notEmpty(decoded(userinfo.slice(colon + 1))),
    host: decoded(host),
    path: path
      .split('/')
      .filter((part) => part !== '')
      .map(decoded),
    query: new Query(query),
  };
}

const notEmpty = (text: string): string | undefined => (text === '' ? undefined : text);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone percent sign
  }
}

/** The error for an address of which something is missing; the address is not in it. */
export function badUrl(name: string, form: string): AppError {
  return new AppError('input/invalid', `The URL of the channel "${name}" is not complete`, {
    hint: `It looks like ${form}`,
  });
}

/** `http://` if the query says so (`disabletls=yes`, as Shoutrrr has it), else `https://`. */
export function webScheme(query: Query): 'http' | 'https' {
  return query.flag('disabletls') === true || query.get('scheme') === 'http' ? 'http' : 'https';
}

/** A path from its parts. */
export const pathOf = (parts: readonly string[]): string =>
  parts.map((part) => `/${encodeURIComponent(part)}`).join('');
