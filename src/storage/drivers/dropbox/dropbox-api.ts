import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import type { AuthorizedHttp } from '../../network/authorized-http.ts';
import type { HttpResponse } from '../../network/http-client.ts';
import { dropboxError } from './translate-error.ts';

/** What Dropbox says of a file or folder; only what is used here. */
export interface DropboxEntry {
  readonly '.tag'?: 'file' | 'folder' | 'deleted';
  readonly name: string;
  readonly path_lower: string;
  readonly path_display: string;
  readonly rev?: string;
  readonly size?: number;
  readonly content_hash?: string;
  /** ISO, without fractions of a second. */
  readonly server_modified?: string;
}

export interface DropboxEndpoints {
  /** For calls with JSON. */
  readonly api: string;
  /** For calls with content. */
  readonly content: string;
}

/** Calls of Dropbox's interface, version 2 (https://www.dropbox.com/developers/documentation/http/documentation). */
export class DropboxApi implements AsyncDisposable {
  readonly #http: AuthorizedHttp;
  readonly #endpoints: DropboxEndpoints;

  constructor(http: AuthorizedHttp, endpoints: DropboxEndpoints) {
    this.#http = http;
    this.#endpoints = endpoints;
  }

  /** A call with JSON both ways. `call` reads like `files/get_metadata`. */
  async call(
    call: string,
    parameters: object,
    action: string,
    options: CallOptions,
  ): Promise<unknown> {
    const response = await this.#http.request({
      method: 'POST',
      url: `${this.#endpoints.api}/2/${call}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(parameters),
      action,
      ...options,
    });
    if (response.status !== 200) throw await dropboxError(response, action);
    return response.json();
  }

  /** A call that sends content. */
  async send(
    call: string,
    parameters: object,
    bytes: Uint8Array,
    action: string,
    options: CallOptions,
  ): Promise<unknown> {
    const response = await this.#http.request({
      method: 'POST',
      url: `${this.#endpoints.content}/2/${call}`,
      headers: {
        'content-type': 'application/octet-stream',
        'dropbox-api-arg': inHeader(parameters),
      },
      body: bytes,
      action,
      ...options,
    });
    if (response.status !== 200) throw await dropboxError(response, action);
    return response.json();
  }

  /** A call that gives content: status 200, 206 or 416. */
  async fetch(
    call: string,
    parameters: object,
    headers: Readonly<Record<string, string>>,
    action: string,
    options: CallOptions,
  ): Promise<HttpResponse> {
    const response = await this.#http.request({
      method: 'POST',
      url: `${this.#endpoints.content}/2/${call}`,
      headers: { ...headers, 'dropbox-api-arg': inHeader(parameters) },
      action,
      ...options,
    });
    if ([200, 206, 416].includes(response.status)) return response;
    throw await dropboxError(response, action);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }
}

/** The metadata in an answer. Throws `storage/unavailable` for anything else. */
export function entryIn(answer: unknown, action: string): DropboxEntry {
  if (typeof answer === 'object' && answer !== null && 'path_lower' in answer && 'name' in answer)
    return answer as DropboxEntry;
  throw new AppError('storage/unavailable', `Cannot ${action}: Dropbox's answer is not understood`);
}

/** JSON in ASCII, as a header needs it. */
function inHeader(value: object): string {
  return JSON.stringify(value).replaceAll(/[^\u0020-\u007e]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
