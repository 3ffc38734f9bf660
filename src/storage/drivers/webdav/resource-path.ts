import { AppError } from '../../../base/errors.ts';

/** The path of a resource on the server for the parts of its name, percent-encoded; collections end with a slash. */
export function encodePath(parts: readonly string[], kind: 'collection' | 'object'): string {
  const path = parts.map((part) => `/${encodePart(part)}`).join('');
  return kind === 'collection' ? `${path}/` : path;
}

/** The parts of the path of a destination. Throws `input/usage` for one that leads out of itself. */
export function partsOfPath(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.some((part) => part === '.' || part === '..' || part.includes('\0')))
    throw new AppError(
      'input/usage',
      `The path "${path}" of the destination has parts "." or ".."`,
      {
        hint: 'Write the path as the server calls it',
      },
    );
  return parts;
}

/**
 * The parts that an `href` of a listing names, decoded: servers write it as a path or as a whole URL, and encode more or less of it.
 * `undefined` for what is not UTF-8: no object of ours is called so.
 */
export function partsOfHref(href: string): readonly string[] | undefined {
  const path = href.trim().replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/iu, '');
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map((part) => decodeURIComponent(part));
  } catch {
    return undefined;
  }
}

/** RFC 3986 reserves five more characters than JavaScript encodes. */
function encodePart(part: string): string {
  return encodeURIComponent(part).replaceAll(
    /[!'()*]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
