import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import type { HttpResponse } from '../../network/http-client.ts';
import { field, instant, textField } from '../../network/json-field.ts';

/** An object as a container lists it. */
export interface ListedObject {
  readonly key: string;
  readonly size: number;
  readonly modified: number;
}

/** Asks for one page: the query is encoded. Gives nothing where no container is, and that is as good as an empty one. Rejects for anything else. */
export type PageRequest = (
  query: string,
  options: CallOptions,
) => Promise<HttpResponse | undefined>;

/**
 * All objects of a container whose key begins with `start`, in the order of their keys. Only an empty page is the end: Swift may give a
 * page that is shorter than asked for. Throws `storage/unavailable` for a page that is not whole.
 */
export async function* listContainer(
  start: string,
  page: PageRequest,
  { limit, signal }: CallOptions & { readonly limit?: number } = {},
): AsyncGenerator<ListedObject, void, undefined> {
  let marker = '';
  for (;;) {
    signal?.throwIfAborted();
    const query = new URLSearchParams({ format: 'json', prefix: start });
    if (limit !== undefined) query.set('limit', String(limit));
    if (marker !== '') query.set('marker', marker);
    const response = await page(query.toString(), { signal });
    if (response === undefined) return;
    // How some servers say that there is nothing.
    if (response.status === 204) return await response.discard();
    const entries = await response.json();
    signal?.throwIfAborted();
    if (!Array.isArray(entries)) throw unreadable(start);
    if (entries.length === 0) return;
    const objects = entries.map((entry: unknown) => readEntry(entry, start));
    const last = objects.at(-1)?.key ?? '';
    // A server that ignores the marker would give the same page for ever.
    if (last === marker || objects.some(({ key }) => key === marker)) throw unreadable(start);
    yield* objects;
    signal?.throwIfAborted();
    marker = last;
  }
}

function readEntry(entry: unknown, start: string): ListedObject {
  const key = textField(entry, 'name');
  const size = field(entry, 'bytes');
  const modified = instant(field(entry, 'last_modified'));
  if (
    key === undefined ||
    !key.startsWith(start) ||
    typeof size !== 'number' ||
    !Number.isSafeInteger(size) ||
    Number.isNaN(modified)
  )
    throw unreadable(start);
  return { key, size, modified };
}

function unreadable(start: string): AppError {
  return new AppError(
    'storage/unavailable',
    `Cannot list "${start}": a page of the listing is broken`,
  );
}
