import { AppError, messageOf } from '../../base/errors.ts';
import { checkObjectName } from '../object-name.ts';

/** What object stores refuse or change: control characters, and the backslash that some take for a slash. */
const unsafe = String.raw`[\u0000-\u001f\u007f\\]`;

/** `%` and two digits that stand for one of them, or for such an escape that was part of the name. */
const escapeTail = '(?:25)*(?:[01][0-9A-F]|7F|5C)';

/**
 * Object names as keys of a bucket: below a prefix, and with an escape for the few characters that stores do not keep. `\` is stored as
 * `%5C`, and a name that holds `%5C` itself as `%255C`; every other name is stored as it is.
 */
export class ObjectKeys {
  /** Empty, or ends with a slash. */
  readonly #root: string;

  /** `prefix` is a path within the bucket, with or without slashes around it. Throws `input/usage` for one that cannot be. */
  constructor(prefix: string) {
    const path = prefix.replaceAll(/^\/+|\/+$/gu, '');
    try {
      if (path !== '') checkObjectName(path);
    } catch (cause) {
      throw new AppError(
        'input/usage',
        `The path of the destination is wrong: ${messageOf(cause)}`,
        {
          cause,
        },
      );
    }
    this.#root = path === '' ? '' : `${path}/`;
  }

  /** Throws `input/invalid` for what is no object name. */
  keyOf(name: string): string {
    checkObjectName(name);
    return this.#root + escaped(name);
  }

  /** The name for a key of a listing; `undefined` for markers of directories, which are no objects. */
  nameOf(key: string): string | undefined {
    if (!key.startsWith(this.#root) || key.endsWith('/') || key === this.#root) return undefined;
    return unescaped(key.slice(this.#root.length));
  }

  /** What the keys of all names with this prefix begin with; keys of other names may begin with it as well. */
  startOf(prefix: string): string {
    // A percent sign is escaped or not depending on what follows it.
    const percent = prefix.indexOf('%');
    return this.#root + escaped(percent < 0 ? prefix : prefix.slice(0, percent));
  }
}

/** A key as the path of a URL: every part percent-encoded. */
export function encodeKey(key: string): string {
  return key.split('/').map(encodePart).join('/');
}

function encodePart(part: string): string {
  return encodeURIComponent(part).replaceAll(/[!'()*]/gu, hex);
}

function escaped(name: string): string {
  return name.replaceAll(new RegExp(`%(?=${escapeTail})|${unsafe}`, 'gu'), hex);
}

function unescaped(text: string): string {
  return text.replaceAll(new RegExp(`%${escapeTail}`, 'gu'), (found) =>
    found.startsWith('%25')
      ? `%${found.slice(3)}`
      : String.fromCodePoint(Number.parseInt(found.slice(1), 16)),
  );
}

function hex(character: string): string {
  const digits = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  return `%${digits.padStart(2, '0')}`;
}
