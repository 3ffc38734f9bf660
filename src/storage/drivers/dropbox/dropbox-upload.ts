import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import { partsOf, wholeBody } from '../../network/body-parts.ts';
import { ContentHash, contentHashOf } from './content-hash.ts';
import { type DropboxApi, type DropboxEntry, entryIn } from './dropbox-api.ts';

export interface DropboxUpload extends CallOptions {
  readonly name: string;
  /** On the service. */
  readonly path: string;
  readonly body: Body;
  readonly ifAbsent: boolean;
  /** Bytes; a multiple of 4 MiB. */
  readonly fragmentSize: number;
}

/** Arrays up to this size are sent in one request; Dropbox takes 150 MiB. */
const largestAtOnce = 64 * 1024 ** 2;

/**
 * Stores an object, whole or not at all: Dropbox compares every request with its hash before it takes it, and the file appears when the
 * last one has arrived. What it then says of the file is compared once more.
 */
export async function upload(api: DropboxApi, task: DropboxUpload): Promise<DropboxEntry> {
  const { name, path, body, ifAbsent, fragmentSize, signal } = task;
  const action = `store "${name}"`;
  const size = sizeOfBody(body);
  const commit = {
    path,
    mode: ifAbsent ? 'add' : 'overwrite',
    // A file of the same content is a conflict as well: the caller wants to know who made it.
    strict_conflict: ifAbsent,
    autorename: false,
    mute: true,
  };
  if (size <= (body instanceof Uint8Array ? largestAtOnce : fragmentSize)) {
    const bytes = await wholeBody(name, body, { signal });
    const hash = contentHashOf(bytes);
    const parameters = { ...commit, content_hash: hash };
    const answer = await api.send('files/upload', parameters, bytes, action, { signal });
    return checked(entryIn(answer, action), size, hash, action);
  }
  const whole = new ContentHash();
  let session: string | undefined;
  for await (const { offset, bytes } of partsOf(name, body, fragmentSize, { signal })) {
    whole.update(bytes);
    const proof = { content_hash: contentHashOf(bytes) };
    const cursor = { session_id: session, offset };
    if (session === undefined) {
      const started = await api.send('files/upload_session/start', proof, bytes, action, {
        signal,
      });
      session = sessionIn(started, action);
    } else if (offset + bytes.byteLength < size) {
      const parameters = { cursor, ...proof };
      await api.send('files/upload_session/append_v2', parameters, bytes, action, { signal });
    } else {
      const parameters = { cursor, commit, ...proof };
      const answer = await api.send('files/upload_session/finish', parameters, bytes, action, {
        signal,
      });
      return checked(entryIn(answer, action), size, whole.digest(), action);
    }
  }
  throw new AppError('internal', `Cannot ${action}: its body had no end`);
}

function sessionIn(answer: unknown, action: string): string {
  const id = (answer as { readonly session_id?: unknown } | null)?.session_id;
  if (typeof id === 'string') return id;
  throw new AppError('storage/unavailable', `Cannot ${action}: Dropbox's answer is not understood`);
}

/** Thrown when the stored file is not what was sent; carries what has to be removed. */
export class WrongContent extends AppError {
  readonly entry: DropboxEntry;

  constructor(action: string, entry: DropboxEntry) {
    super('storage/unavailable', `Cannot ${action}: Dropbox holds other bytes than were sent`);
    this.entry = entry;
  }
}

function checked(entry: DropboxEntry, size: number, hash: string, action: string): DropboxEntry {
  if (entry.size === size && entry.content_hash === hash) return entry;
  throw new WrongContent(action, entry);
}
