import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { Body } from '../../body.ts';
import type { HttpClient, HttpResponse } from '../../network/http-client.ts';
import { encodeKey, type ObjectKeys } from '../../network/object-keys.ts';
import { type OpenedRange, openRange } from '../../network/ranged-read.ts';
import { canStartName } from '../../object-name.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import type { AnswerFields } from './answer-fields.ts';
import type { B2Account } from './b2-account.ts';
import type { B2Bucket } from './b2-bucket.ts';
import { type B2Uploader, largestFile } from './b2-upload.ts';
import { cancelAbandonedUploads } from './abandoned-uploads.ts';

export interface B2StorageSettings {
  readonly location: string;
  readonly client: HttpClient;
  readonly account: B2Account;
  readonly bucket: B2Bucket;
  readonly uploader: B2Uploader;
  readonly keys: ObjectKeys;
  readonly clock: Clock;
  /** Where files are read from, if not where the service says. */
  readonly downloadUrl: string | undefined;
  /** Deletes by hiding, also when the key may do more. */
  readonly hide: boolean;
  /** Files of one page of a listing. */
  readonly pageSize: number;
}

/**
 * The files of a Backblaze bucket. A bucket keeps every version of a file: `put` adds one, readers see the newest, `delete` removes all. A
 * key that may not delete hides the file instead: for readers it is gone, and the bucket keeps what there was.
 */
export class B2Storage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities = {
    atomicReplace: true,
    conditionalPut: false,
    listingLag: 0,
    modifiedTimes: true,
    maxObjectSize: largestFile,
    concurrency: 16,
  };
  readonly #settings: B2StorageSettings;
  readonly #account: B2Account;
  readonly #bucket: B2Bucket;
  readonly #keys: ObjectKeys;
  readonly #over = new AbortController();
  #cleaning: Promise<void> | undefined;

  constructor(settings: B2StorageSettings) {
    this.#settings = settings;
    this.#account = settings.account;
    this.#bucket = settings.bucket;
    this.#keys = settings.keys;
    this.location = settings.location;
  }

  async put(
    name: string,
    body: Body,
    { signal, ifAbsent = false }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const key = this.#keys.keyOf(name);
    await this.#bucket.demand('writeFiles', `store "${name}"`, { signal });
    const bucketId = await this.#bucket.idOrNew({ signal });
    this.#cleaning ??= this.#clean(bucketId);
    // The service has no condition for uploads.
    if (ifAbsent && (await this.#exists(name, { signal })))
      throw new AppError('storage/already-exists', `Cannot store "${name}": it is already there`);
    await this.#settings.uploader.upload(bucketId, name, key, body, { signal });
  }

  async get(name: string, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return (await this.#open(name, options)).stream;
  }

  async read(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    return await (await this.#open(name, options)).bytes();
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    signal?.throwIfAborted();
    const action = `look at "${name}"`;
    const response = await this.#download('HEAD', name, action, [200], undefined, { signal });
    const size = Number(response.header('content-length') ?? Number.NaN);
    const modified = Number(response.header('x-bz-upload-timestamp') ?? Number.NaN);
    await response.discard();
    if (Number.isSafeInteger(size))
      return { name, size, ...(Number.isFinite(modified) && { modified }) };
    throw new AppError(
      'storage/unavailable',
      `Cannot ${action}: the service does not say how large it is`,
    );
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    if (!canStartName(prefix)) return;
    const bucketId = await this.#idUnlessAwaited({ signal });
    if (bucketId === undefined) return;
    const start = this.#keys.startOf(prefix);
    let next: string | undefined;
    do {
      const page = await this.#account.call(
        'b2_list_file_names',
        {
          bucketId,
          maxFileCount: this.#settings.pageSize,
          ...(start !== '' && { prefix: start }),
          ...(next !== undefined && { startFileName: next }),
        },
        `list "${prefix}"`,
        { signal },
      );
      for (const file of page?.objects('files') ?? []) {
        const object = this.#listed(file);
        if (object === undefined || !object.name.startsWith(prefix)) continue;
        yield object;
        signal?.throwIfAborted();
      }
      next = page?.optionalText('nextFileName');
    } while (next !== undefined);
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const key = this.#keys.keyOf(name);
    const action = `delete "${name}"`;
    const bucketId = await this.#idUnlessAwaited({ signal });
    if (bucketId === undefined) return;
    if (this.#settings.hide || !(await this.#bucket.may('deleteFiles', { signal })))
      await this.#hide(bucketId, key, action, { signal });
    else await this.#deleteVersions(bucketId, key, action, { signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort(new DOMException('The storage was closed', 'AbortError'));
    await this.#settings.uploader.settled();
    await this.#cleaning;
    await this.#settings.client[Symbol.asyncDispose]();
  }

  #listed(file: AnswerFields): StorageObject | undefined {
    const name = this.#keys.nameOf(file.text('fileName'));
    if (name === undefined || file.text('action') !== 'upload') return undefined;
    return { name, size: file.number('contentLength'), modified: file.number('uploadTimestamp') };
  }

  async #hide(bucketId: string, key: string, action: string, options: CallOptions): Promise<void> {
    await this.#bucket.demand('writeFiles', action, options);
    await this.#account.call('b2_hide_file', { bucketId, fileName: key }, action, {
      ...options,
      accepts: ['no_such_file', 'already_hidden', 'file_not_present'],
    });
  }

  /** The newest version goes last: if this breaks off, the object is still what it was, not what it had been. */
  async #deleteVersions(
    bucketId: string,
    key: string,
    action: string,
    options: CallOptions,
  ): Promise<void> {
    const versions = await this.#versionsOf(bucketId, key, action, options);
    for (const fileId of versions.toReversed()) {
      await this.#account.call('b2_delete_file_version', { fileName: key, fileId }, action, {
        ...options,
        // Somebody else was quicker.
        accepts: ['file_not_present', 'no_such_file'],
      });
    }
  }

  /** The newest first. Uploads that are under way are left alone. */
  async #versionsOf(
    bucketId: string,
    key: string,
    action: string,
    options: CallOptions,
  ): Promise<readonly string[]> {
    const versions: string[] = [];
    let place: { readonly startFileName: string; readonly startFileId?: string } | undefined = {
      startFileName: key,
    };
    while (place !== undefined) {
      const page: AnswerFields | undefined = await this.#account.call(
        'b2_list_file_versions',
        { bucketId, prefix: key, maxFileCount: 100, ...place },
        action,
        options,
      );
      for (const file of page?.objects('files') ?? []) {
        if (file.text('fileName') === key && ['upload', 'hide'].includes(file.text('action')))
          versions.push(file.text('fileId'));
      }
      const next = page?.optionalText('nextFileName');
      const id = page?.optionalText('nextFileId');
      place =
        next === key && id !== undefined ? { startFileName: next, startFileId: id } : undefined;
    }
    return versions;
  }

  async #exists(name: string, options: CallOptions): Promise<boolean> {
    try {
      await this.stat(name, options);
      return true;
    } catch (error) {
      if (hasCode(error, 'storage/not-found')) return false;
      throw error;
    }
  }

  async #open(name: string, { signal, range }: GetOptions): Promise<OpenedRange> {
    signal?.throwIfAborted();
    return await openRange(name, range, {
      get: (header) =>
        this.#download('GET', name, `read "${name}"`, [200, 206, 416], header, { signal }),
      size: async () => (await this.stat(name, { signal })).size,
    });
  }

  async #download(
    method: 'GET' | 'HEAD',
    name: string,
    action: string,
    expected: readonly number[],
    range: string | undefined,
    { signal }: CallOptions,
  ): Promise<HttpResponse> {
    const key = this.#keys.keyOf(name);
    if ((await this.#idUnlessAwaited({ signal })) === undefined)
      throw new AppError('storage/not-found', `Cannot ${action}: there is no bucket yet`);
    const { client, downloadUrl } = this.#settings;
    const outcome = await this.#account.withToken(
      (authorization) =>
        client.request({
          method,
          url: `${downloadUrl ?? authorization.downloadUrl}/file/${encodeURIComponent(this.#bucket.name)}/${encodeKey(key)}`,
          headers: {
            authorization: authorization.token,
            ...(range !== undefined && { range }),
          },
          action,
          signal,
        }),
      action,
      expected,
      { signal },
    );
    if ('error' in outcome) throw outcome.error;
    return outcome;
  }

  /** `undefined` when the first `put` is still to make the bucket. */
  async #idUnlessAwaited(options: CallOptions): Promise<string | undefined> {
    try {
      return await this.#bucket.id(options);
    } catch (error) {
      if (this.#bucket.isAwaited(error)) return undefined;
      throw error;
    }
  }

  /** Once for each storage that writes; what goes wrong goes wrong again when it is tried next time. */
  async #clean(bucketId: string): Promise<void> {
    const { account, clock } = this.#settings;
    try {
      await cancelAbandonedUploads(account, bucketId, this.#keys.startOf(''), clock, {
        signal: this.#over.signal,
      });
    } catch {
      // Leftovers cost a little room; they are no reason to stop a backup.
    }
  }
}
