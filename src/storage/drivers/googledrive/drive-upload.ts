import { createHash } from 'node:crypto';

import { toHex, utf8 } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { type Body, sizeOfBody } from '../../body.ts';
import { tapStream } from '../../byte-stream.ts';
import { wholeBody } from '../../network/body-parts.ts';
import { type DriveApi, type DriveFile, uploadFields } from './drive-api.ts';

export interface DriveUpload extends CallOptions {
  /** Of the object, for errors. */
  readonly name: string;
  readonly body: Body;
  /** Where it goes: content for a file that is there, or a new file in a folder. */
  readonly target: { readonly id: string } | { readonly folder: string; readonly fileName: string };
}

/** Bytes up to which metadata and content go in one request; Drive's description says so. */
const largestAtOnce = 5 * 1024 ** 2;

/** Thrown when the stored file is not what was sent; carries what has to be removed. */
export class WrongContent extends AppError {
  readonly file: DriveFile;

  constructor(action: string, file: DriveFile) {
    super('storage/unavailable', `Cannot ${action}: Drive holds other bytes than were sent`);
    this.file = file;
  }
}

/**
 * Stores content, whole or not at all: a file appears, or changes, when all bytes have arrived. What Drive then says of size and MD5 is
 * compared with what was sent.
 */
export async function upload(api: DriveApi, task: DriveUpload): Promise<DriveFile> {
  const action = `store "${task.name}"`;
  const size = sizeOfBody(task.body);
  const { file, md5 } =
    size <= largestAtOnce ? await atOnce(api, task, action) : await inSession(api, task, action);
  if (file.size === String(size) && file.md5Checksum === md5) return file;
  throw new WrongContent(action, file);
}

interface Uploaded {
  readonly file: DriveFile;
  readonly md5: string;
}

/** Metadata and content as the two parts of one request. */
async function atOnce(
  api: DriveApi,
  { name, body, target, signal }: DriveUpload,
  action: string,
): Promise<Uploaded> {
  const bytes = await wholeBody(name, body, { signal });
  const boundary = `holdfast-${toHex(systemRandom(16))}`;
  const file = await api.upload({
    ...destination(api, target, 'multipart'),
    headers: { 'content-type': `multipart/related; boundary=${boundary}` },
    body: Buffer.concat([
      utf8(`--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n`),
      utf8(metadata(target)),
      utf8(`\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\n\r\n`),
      bytes,
      utf8(`\r\n--${boundary}--\r\n`),
    ]),
    action,
    signal,
  });
  return { file, md5: createHash('md5').update(bytes).digest('hex') };
}

/** A session for the metadata, and the content as one stream into it: nothing counts until the last byte is there. */
async function inSession(
  api: DriveApi,
  { body, target, signal }: DriveUpload,
  action: string,
): Promise<Uploaded> {
  const size = sizeOfBody(body);
  const address = await api.beginUpload({
    ...destination(api, target, 'resumable'),
    headers: {
      'content-type': 'application/json; charset=UTF-8',
      'x-upload-content-type': 'application/octet-stream',
      'x-upload-content-length': String(size),
    },
    body: metadata(target),
    action,
    signal,
  });
  let hash = createHash('md5');
  let content = body;
  if (body instanceof Uint8Array) hash.update(body);
  else {
    content = {
      size,
      stream() {
        hash = createHash('md5');
        return tapStream(body.stream(), { piece: (piece) => void hash.update(piece) }, { signal });
      },
    };
  }
  const file = await api.upload({
    method: 'PUT',
    url: address,
    headers: {
      'content-type': 'application/octet-stream',
      'content-range': `bytes 0-${size - 1}/${size}`,
    },
    body: content,
    action,
    signal,
  });
  return { file, md5: hash.digest('hex') };
}

function destination(
  api: DriveApi,
  target: DriveUpload['target'],
  uploadType: string,
): { readonly method: 'PATCH' | 'POST'; readonly url: string } {
  const parameters = { uploadType, fields: uploadFields };
  if ('id' in target) {
    const url = api.address(`files/${encodeURIComponent(target.id)}`, parameters, true);
    return { method: 'PATCH', url };
  }
  return { method: 'POST', url: api.address('files', parameters, true) };
}

function metadata(target: DriveUpload['target']): string {
  const mimeType = 'application/octet-stream';
  if ('id' in target) return JSON.stringify({ mimeType });
  return JSON.stringify({ name: target.fileName, parents: [target.folder], mimeType });
}
