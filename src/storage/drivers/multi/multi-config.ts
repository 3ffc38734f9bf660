import { AppError } from '../../../base/errors.ts';

/** One entry of the file that a `multi:` URL names. */
export interface StoreEntry {
  readonly url: string;
  /** Variables for this store alone. */
  readonly environment: Readonly<Record<string, string>>;
  /** Objects whose names start so belong to this store, and to others that say the same. */
  readonly prefixes: readonly string[];
}

/**
 * Reads the JSON list of stores: `{url, description, env: [{name, value}], prefixes: […]}`. `subpath` is appended to the path of every
 * URL. Throws `input/usage`; since the file may hold passwords, nothing of it is in the error.
 */
export function parseMultiConfig(
  text: string,
  file: string,
  subpath: string,
): readonly StoreEntry[] {
  const wrong = (what: string): AppError =>
    new AppError('input/usage', `The list of stores in "${file}" cannot be used: ${what}`, {
      hint: 'Write [{"url": "sftp://…", "env": [{"name": "…", "value": "…"}]}, {"url": "…"}]',
    });
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    // What the parser says quotes the text.
    throw wrong('it is not JSON');
  }
  if (!Array.isArray(list) || list.length === 0) throw wrong('it is not a list of stores');
  return list.map((entry: unknown, index) => {
    const inStore = (what: string): AppError => wrong(`in store ${index + 1}, ${what}`);
    const fields = fieldsOf(entry) ?? fail(inStore('there are no fields'));
    const { url, env = [], prefixes = [] } = fields;
    if (typeof url !== 'string' || url === '') throw inStore('"url" is missing');
    if (!Array.isArray(prefixes) || !prefixes.every((prefix) => typeof prefix === 'string'))
      throw inStore('"prefixes" is not a list of texts');
    if (!Array.isArray(env)) throw inStore('"env" is not a list');
    const environment = env.map((variable: unknown) => {
      const { name, value } = fieldsOf(variable) ?? {};
      if (typeof name === 'string' && typeof value === 'string') return [name, value] as const;
      throw inStore('an entry of "env" has no "name" or no "value"');
    });
    return {
      url: withSubpath(url, subpath),
      environment: Object.fromEntries(environment),
      prefixes,
    };
  });
}

/** The URL with more at the end of its path, in front of its options. */
function withSubpath(url: string, subpath: string): string {
  const query = url.includes('://') ? url.indexOf('?') : -1;
  return query < 0 ? url + subpath : url.slice(0, query) + subpath + url.slice(query);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? { ...value }
    : undefined;
}

function fail(error: AppError): never {
  throw error;
}
