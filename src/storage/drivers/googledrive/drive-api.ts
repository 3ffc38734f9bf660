import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import type { AuthorizedHttp } from '../../network/authorized-http.ts';
import type { HttpRequest, HttpResponse } from '../../network/http-client.ts';
import { driveError } from './translate-error.ts';

/** What Drive says of a file or folder: the fields that are asked for. */
export interface DriveFile {
  readonly id: string;
  readonly name: string;
  readonly mimeType: string;
  /** Bytes in decimal digits; missing for folders and Google's own documents. */
  readonly size?: string;
  readonly md5Checksum?: string;
  readonly modifiedTime?: string;
  readonly createdTime?: string;
}

export const folderType = 'application/vnd.google-apps.folder';

/** Google's own documents, shortcuts and folders: nothing that has bytes. */
export const googleTypes = 'application/vnd.google-apps.';

const fields = 'id,name,mimeType,size,md5Checksum,modifiedTime,createdTime';

/** Entries of a page; the most that Drive gives. */
const pageSize = '1000';

export interface DriveApiSettings {
  readonly http: AuthorizedHttp;
  /** `https://www.googleapis.com`, or a simulator. */
  readonly endpoint: string;
  /** The shared drive in which everything is. */
  readonly sharedDrive: string | undefined;
  /** Deleted files are only put into the trash. */
  readonly trash: boolean;
}

/** Calls of the Drive API, version 3 (https://developers.google.com/drive/api/reference/rest/v3). */
export class DriveApi implements AsyncDisposable {
  readonly #settings: DriveApiSettings;

  constructor(settings: DriveApiSettings) {
    this.#settings = settings;
  }

  get sharedDrive(): string | undefined {
    return this.#settings.sharedDrive;
  }

  /** All files that a query finds, over all pages. */
  async find(query: string, action: string, options: CallOptions): Promise<readonly DriveFile[]> {
    const { sharedDrive } = this.#settings;
    const found: DriveFile[] = [];
    let pageToken: string | undefined;
    do {
      const answer = (await this.#json(
        {
          method: 'GET',
          url: this.address('files', {
            q: query,
            pageSize,
            fields: `nextPageToken,incompleteSearch,files(${fields})`,
            spaces: 'drive',
            includeItemsFromAllDrives: 'true',
            ...(sharedDrive !== undefined && { corpora: 'drive', driveId: sharedDrive }),
            ...(pageToken !== undefined && { pageToken }),
          }),
          action,
        },
        options,
      )) as Page | null;
      if (!Array.isArray(answer?.files) || answer.incompleteSearch === true)
        throw new AppError('storage/unavailable', `Cannot ${action}: the list is incomplete`);
      found.push(...answer.files);
      pageToken = answer.nextPageToken;
    } while (pageToken !== undefined);
    return found;
  }

  async look(id: string, action: string, options: CallOptions): Promise<DriveFile> {
    const url = this.address(`files/${encodeURIComponent(id)}`, { fields });
    return fileIn(await this.#json({ method: 'GET', url, action }, options), action);
  }

  async makeFolder(
    name: string,
    parent: string,
    action: string,
    options: CallOptions,
  ): Promise<DriveFile> {
    const body = JSON.stringify({ name, parents: [parent], mimeType: folderType });
    const request = {
      method: 'POST',
      url: this.address('files', { fields }),
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      body,
      action,
    } as const;
    return fileIn(await this.#json(request, options), action);
  }

  /** The content of a file: status 200, 206 or 416. */
  async content(
    id: string,
    headers: Readonly<Record<string, string>>,
    action: string,
    options: CallOptions,
  ): Promise<HttpResponse> {
    const url = this.address(`files/${encodeURIComponent(id)}`, { alt: 'media' });
    const response = await this.#settings.http.request({
      method: 'GET',
      url,
      headers,
      action,
      ...options,
    });
    if ([200, 206, 416].includes(response.status)) return response;
    throw await driveError(response, action);
  }

  /** Deletes a file; one that is gone already is no error. */
  async remove(
    id: string,
    action: string,
    { trash = this.#settings.trash, ...options }: CallOptions & { readonly trash?: boolean } = {},
  ): Promise<void> {
    const url = this.address(`files/${encodeURIComponent(id)}`, {});
    const response = await this.#settings.http.request({
      ...(trash
        ? {
            method: 'PATCH',
            headers: { 'content-type': 'application/json; charset=UTF-8' },
            body: JSON.stringify({ trashed: true }),
          }
        : { method: 'DELETE' }),
      url,
      action,
      ...options,
    });
    if ([200, 204, 404].includes(response.status)) return response.discard();
    throw await driveError(response, action);
  }

  /** A request of an upload; its answer is a file. */
  async upload(request: HttpRequest): Promise<DriveFile> {
    return fileIn(await this.#json(request, {}), request.action);
  }

  /** Begins an upload and gives the address to which the content goes; it works without a token. */
  async beginUpload(request: HttpRequest): Promise<string> {
    const response = await this.#settings.http.request(request);
    if (response.status !== 200) throw await driveError(response, request.action);
    const address = response.header('location');
    await response.discard();
    if (address !== undefined && URL.canParse(address)) return address;
    throw new AppError(
      'storage/unavailable',
      `Cannot ${request.action}: Drive names no address for the content`,
    );
  }

  /** The address of a call, with what all calls need. */
  address(call: string, parameters: Readonly<Record<string, string>>, upload = false): string {
    const query = new URLSearchParams({ ...parameters, supportsAllDrives: 'true' });
    return `${this.#settings.endpoint}${upload ? '/upload' : ''}/drive/v3/${call}?${query.toString()}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settings.http[Symbol.asyncDispose]();
  }

  async #json(request: HttpRequest, options: CallOptions): Promise<unknown> {
    const response = await this.#settings.http.request({ ...request, ...options });
    if (response.status !== 200 && response.status !== 201)
      throw await driveError(response, request.action);
    return response.json();
  }
}

interface Page {
  readonly files?: readonly DriveFile[];
  readonly nextPageToken?: string;
  readonly incompleteSearch?: boolean;
}

/** A text in a query: between single quotes. */
export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
}

/** All that is needed of a file after it was stored. */
export const uploadFields = fields;

function fileIn(answer: unknown, action: string): DriveFile {
  if (typeof answer === 'object' && answer !== null && 'id' in answer) return answer as DriveFile;
  throw new AppError('storage/unavailable', `Cannot ${action}: Drive's answer is not understood`);
}
