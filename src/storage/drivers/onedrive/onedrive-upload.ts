import { createHash } from 'node:crypto';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import { type BodyPart, partsOf, wholeBody } from '../../network/body-parts.ts';
import { type DriveItem, type GraphApi, itemIn } from './graph-api.ts';
import { QuickXorHash } from './quick-xor-hash.ts';
import { graphError } from './translate-error.ts';

export interface OnedriveUpload extends CallOptions {
  readonly name: string;
  /** Path of Graph to the item, without the colon at its end: `/me/drive/root:/a/b`. */
  readonly item: string;
  readonly body: Body;
  readonly ifAbsent: boolean;
  /** Bytes; a multiple of 320 KiB. */
  readonly fragmentSize: number;
}

/** Bytes up to which content goes in one request. */
const largestAtOnce = 4 * 1024 ** 2;

/** Thrown when the stored file is not what was sent; carries what has to be removed. */
export class WrongContent extends AppError {
  readonly item: DriveItem;

  constructor(action: string, item: DriveItem) {
    super('storage/unavailable', `Cannot ${action}: OneDrive holds other bytes than were sent`);
    this.item = item;
  }
}

/**
 * Stores content, whole or not at all: the file appears, or changes, when the last byte has arrived. What OneDrive then says of size and
 * hash is compared with what was sent.
 */
export async function upload(api: GraphApi, task: OnedriveUpload): Promise<void> {
  const { name, item, body, ifAbsent, signal } = task;
  const action = `store "${name}"`;
  const size = sizeOfBody(body);
  const behavior = ifAbsent ? 'fail' : 'replace';
  if (size > Math.min(largestAtOnce, task.fragmentSize)) {
    await inSession(api, task, action, behavior);
    return;
  }
  const bytes = await wholeBody(name, body, { signal });
  const answer = await api.call({
    method: 'PUT',
    url: api.address(`${item}:/content?@microsoft.graph.conflictBehavior=${behavior}`),
    headers: { 'content-type': 'application/octet-stream' },
    body: bytes,
    action,
    signal,
  });
  const hash = new QuickXorHash().update(bytes).digest();
  check(itemIn(answer, action), { size, hash, bytes, action });
}

async function inSession(
  api: GraphApi,
  { name, item, body, fragmentSize, signal }: OnedriveUpload,
  action: string,
  behavior: string,
): Promise<void> {
  const size = sizeOfBody(body);
  const session = (await api.call({
    method: 'POST',
    url: api.address(`${item}:/createUploadSession`),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ item: { '@microsoft.graph.conflictBehavior': behavior } }),
    action,
    signal,
  })) as { readonly uploadUrl?: unknown } | null;
  const url = session?.uploadUrl;
  if (typeof url !== 'string' || !URL.canParse(url))
    throw new AppError('storage/unavailable', `Cannot ${action}: OneDrive names no address for it`);
  const hash = new QuickXorHash();
  try {
    for await (const fragment of partsOf(name, body, fragmentSize, { signal })) {
      hash.update(fragment.bytes);
      const stored = await send(api, url, fragment, size, action, { signal });
      if (stored !== undefined) {
        const bytes = body instanceof Uint8Array ? body : undefined;
        check(stored, { size, hash: hash.digest(), bytes, action });
        return;
      }
    }
    throw new AppError('storage/unavailable', `Cannot ${action}: OneDrive waits for more`);
  } catch (error) {
    if (!(error instanceof WrongContent)) await abandon(api, url, action, { signal });
    throw error;
  }
}

/** Sends a fragment; the item, when it was the last one. */
async function send(
  api: GraphApi,
  url: string,
  { offset, bytes }: BodyPart,
  size: number,
  action: string,
  options: CallOptions,
): Promise<DriveItem | undefined> {
  const end = offset + bytes.byteLength;
  const response = await api.bare({
    method: 'PUT',
    url,
    headers: { 'content-range': `bytes ${offset}-${end - 1}/${size}` },
    body: bytes,
    action,
    ...options,
  });
  if (response.status === 202 && end < size) {
    await response.discard();
    return undefined;
  }
  if ((response.status === 200 || response.status === 201) && end === size)
    return itemIn(await response.json(), action);
  if (response.status === 404) {
    await response.discard();
    throw new AppError('storage/unavailable', `Cannot ${action}: OneDrive has lost the upload`);
  }
  if (response.status < 300) {
    await response.discard();
    throw new AppError('storage/unavailable', `Cannot ${action}: OneDrive has lost count of it`);
  }
  throw await graphError(response, action);
}

/** Ends a session. One that stays ends by itself after some days, so a failure here is none. */
async function abandon(
  api: GraphApi,
  url: string,
  action: string,
  { signal }: CallOptions,
): Promise<void> {
  const ended = api
    .bare({ method: 'DELETE', url, action })
    .then((response) => response.discard())
    .catch(() => undefined);
  // Who has aborted does not wait for it.
  if (signal?.aborted !== true) await ended;
}

function check(
  item: DriveItem,
  sent: {
    readonly size: number;
    readonly hash: string;
    readonly bytes: Uint8Array | undefined;
    readonly action: string;
  },
): void {
  const { quickXorHash, sha256Hash, sha1Hash } = item.file?.hashes ?? {};
  const digest = (algorithm: string): string | undefined =>
    sent.bytes && createHash(algorithm).update(sent.bytes).digest('hex');
  const pairs: readonly (readonly [said: string | undefined, ours: string | undefined])[] = [
    [quickXorHash, sent.hash],
    ...(quickXorHash === undefined
      ? [
          [sha256Hash?.toLowerCase(), sha256Hash && digest('sha256')] as const,
          [sha1Hash?.toLowerCase(), sha1Hash && digest('sha1')] as const,
        ]
      : []),
  ];
  const isWrong = pairs.some(
    ([said, ours]) => said !== undefined && ours !== undefined && said !== ours,
  );
  if (item.size !== sent.size || isWrong) throw new WrongContent(sent.action, item);
}
