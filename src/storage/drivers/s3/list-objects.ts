import {
  type _Object as ListedObject,
  ListObjectsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { checkObjectName } from '../../object-name.ts';
import type { StorageObject } from '../../storage.ts';
import type { S3Connection } from './connection.ts';

export interface Listing {
  readonly connection: S3Connection;
  readonly version: 'v1' | 'v2';
  /** All keys begin with it; what follows is the name. */
  readonly root: string;
  /** Names begin with it. */
  readonly prefix: string;
}

interface Page {
  readonly objects: readonly ListedObject[];
  /** Where the next page begins; `undefined` after the last. */
  readonly next: string | undefined;
  readonly isEncoded: boolean;
}

/**
 * Yields the objects of all pages; the next page is on its way while one is given. A page that does not say whether another follows, or
 * that leads nowhere, is an error: a listing never ends early.
 */
export async function* listObjects(
  listing: Listing,
  { signal }: CallOptions,
): AsyncGenerator<StorageObject, void, undefined> {
  const stop = new AbortController();
  const inner = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const fetch = (from: string | undefined): Promise<Page> => {
    const page = pageOf(listing, from, { signal: inner });
    // When the listing is left, nobody waits for it.
    page.catch(() => undefined);
    return page;
  };
  const seen = new Set<string>();
  try {
    let coming: Promise<Page> | undefined = fetch(undefined);
    while (coming !== undefined) {
      const page: Page = await coming;
      signal?.throwIfAborted();
      if (page.next !== undefined) {
        if (seen.has(page.next)) throw broken(listing, 'it leads back to an earlier page');
        seen.add(page.next);
      }
      coming = page.next === undefined ? undefined : fetch(page.next);
      for (const object of page.objects) {
        const found = objectOf(listing, object, page.isEncoded);
        if (found === undefined) continue;
        yield found;
        signal?.throwIfAborted();
      }
    }
  } finally {
    stop.abort();
  }
}

async function pageOf(
  listing: Listing,
  from: string | undefined,
  { signal }: CallOptions,
): Promise<Page> {
  const { connection, version, root, prefix } = listing;
  const asked = {
    Bucket: connection.destination.bucket,
    Prefix: root + prefix,
    // XML cannot hold every character.
    EncodingType: 'url',
  } as const;
  const action = `list "${prefix}"`;
  const pageFrom = (
    {
      IsTruncated: isTruncated,
      Contents: objects = [],
      EncodingType: encoding,
    }: {
      readonly IsTruncated?: boolean | undefined;
      readonly Contents?: ListedObject[] | undefined;
      readonly EncodingType?: string | undefined;
    },
    next: string | undefined,
  ): Page => {
    // An answer of something that is no S3 service would look like an empty page.
    if (isTruncated === undefined) throw broken(listing, 'it does not say whether it is complete');
    if (isTruncated && (next === undefined || next === ''))
      throw broken(listing, 'it does not say how it goes on');
    return { objects, next: isTruncated ? next : undefined, isEncoded: encoding === 'url' };
  };
  if (version === 'v2') {
    const answer = await connection.call(action, { signal }, (client) =>
      client.send(
        new ListObjectsV2Command({
          ...asked,
          ...(from !== undefined && { ContinuationToken: from }),
        }),
      ),
    );
    return pageFrom(answer, answer.NextContinuationToken);
  }
  const answer = await connection.call(action, { signal }, (client) =>
    client.send(new ListObjectsCommand({ ...asked, ...(from !== undefined && { Marker: from }) })),
  );
  const isEncoded = answer.EncodingType === 'url';
  const last = answer.NextMarker ?? answer.Contents?.at(-1)?.Key;
  return pageFrom(answer, last === undefined ? undefined : keyIn(listing, last, isEncoded));
}

/** `undefined` for what other programs leave in a bucket and what cannot be ours, such as the empty objects that stand for folders. */
function objectOf(
  listing: Listing,
  { Key, Size, LastModified }: ListedObject,
  isEncoded: boolean,
): StorageObject | undefined {
  if (Key === undefined || Size === undefined)
    throw broken(listing, 'an entry has no name or size');
  const key = keyIn(listing, Key, isEncoded);
  if (!key.startsWith(listing.root + listing.prefix))
    throw broken(listing, 'it has entries that were not asked for');
  const name = key.slice(listing.root.length);
  if (!isName(name)) return undefined;
  return { name, size: Size, ...(LastModified && { modified: LastModified.getTime() }) };
}

function keyIn(listing: Listing, text: string, isEncoded: boolean): string {
  if (!isEncoded) return text;
  try {
    // Some services write a space as "+", and a plus as "%2B".
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw broken(listing, 'a name in it cannot be read', cause);
  }
}

function isName(name: string): boolean {
  try {
    checkObjectName(name);
    return true;
  } catch (error) {
    if (hasCode(error, 'input/invalid')) return false;
    throw error;
  }
}

function broken({ prefix }: Listing, what: string, cause?: unknown): AppError {
  return new AppError(
    'storage/unavailable',
    `Cannot list "${prefix}": the service's listing is broken, ${what}`,
    { cause, hint: 'If it stays so, try the option "list-version"' },
  );
}
