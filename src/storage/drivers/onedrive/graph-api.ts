import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { AuthorizedHttp } from '../../network/authorized-http.ts';
import type { HttpRequest, HttpResponse } from '../../network/http-client.ts';
import { graphError } from './translate-error.ts';

/** What Graph says of a file or folder (`driveItem`); only what is used here. */
export interface DriveItem {
  readonly id: string;
  readonly name: string;
  readonly size?: number;
  readonly eTag?: string;
  readonly lastModifiedDateTime?: string;
  /** Set for files. */
  readonly file?: { readonly hashes?: ItemHashes };
  /** Set for folders. */
  readonly folder?: object;
  /** An address that gives the content without a token, for about an hour. */
  readonly '@microsoft.graph.downloadUrl'?: string;
}

/** Which of them there are depends on the kind of account. */
export interface ItemHashes {
  readonly quickXorHash?: string;
  readonly sha1Hash?: string;
  readonly sha256Hash?: string;
}

/** Calls of Microsoft Graph (https://learn.microsoft.com/graph/api/resources/onedrive). */
export class GraphApi implements AsyncDisposable {
  readonly #http: AuthorizedHttp;
  readonly #endpoint: string;

  /** `endpoint`: `https://graph.microsoft.com`, another cloud, or a simulator. */
  constructor(http: AuthorizedHttp, endpoint: string) {
    this.#http = http;
    this.#endpoint = endpoint;
  }

  /** The address of a call: `/me/drive/root`. */
  address(call: string): string {
    return `${this.#endpoint}/v1.0${call}`;
  }

  /** A request to Graph; its answer is JSON, or nothing. */
  async call(request: HttpRequest): Promise<unknown> {
    const response = await this.#http.request(request);
    if (response.status === 204) {
      await response.discard();
      return undefined;
    }
    if (response.status < 200 || response.status > 299)
      throw await graphError(response, request.action);
    return response.json();
  }

  get(call: string, action: string, options: CallOptions): Promise<unknown> {
    return this.call({ method: 'GET', url: this.address(call), action, ...options });
  }

  async item(call: string, action: string, options: CallOptions): Promise<DriveItem> {
    return itemIn(await this.get(call, action, options), action);
  }

  /** All items of a folder, over all pages; none when there is no such folder. */
  async children(
    folder: string,
    action: string,
    options: CallOptions,
  ): Promise<readonly DriveItem[]> {
    const query = '$top=1000&$select=id,name,size,file,folder,lastModifiedDateTime';
    let url: string | undefined = this.address(`${folder}/children?${query}`);
    const found: DriveItem[] = [];
    while (url !== undefined) {
      const isFirst = found.length === 0;
      const page = (await this.call({ method: 'GET', url, action, ...options }).catch(
        (error: unknown) => {
          if (isFirst && hasCode(error, 'storage/not-found')) return { value: [] };
          throw error;
        },
      )) as Page | null;
      if (!Array.isArray(page?.value))
        throw new AppError('storage/unavailable', `Cannot ${action}: the list is incomplete`);
      found.push(...page.value);
      url = page['@odata.nextLink'];
    }
    return found;
  }

  /** A request to an address that Graph has handed out, which takes no token. */
  async bare(request: HttpRequest): Promise<HttpResponse> {
    if (new URL(request.url).protocol !== new URL(this.#endpoint).protocol) {
      throw new AppError(
        'storage/untrusted',
        `Cannot ${request.action}: OneDrive sends us to an address without encryption`,
      );
    }
    return this.#http.bare(request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }
}

interface Page {
  readonly value?: readonly DriveItem[];
  readonly '@odata.nextLink'?: string;
}

/** The item in an answer. Throws `storage/unavailable` for anything else. */
export function itemIn(answer: unknown, action: string): DriveItem {
  if (typeof answer === 'object' && answer !== null && 'id' in answer && 'name' in answer)
    return answer as DriveItem;
  throw new AppError(
    'storage/unavailable',
    `Cannot ${action}: OneDrive's answer is not understood`,
  );
}
