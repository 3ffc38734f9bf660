import type { CallOptions } from '../../../base/call-options.ts';
import type { Body } from '../../body.ts';
import type { HttpResponse } from '../../network/http-client.ts';

/** A call and what it is for, as in `Cannot store "a"`: `store "a"`. */
export interface ApiCall extends CallOptions {
  readonly action: string;
}

export interface GsObject {
  readonly key: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

export interface GsPage {
  readonly objects: readonly GsObject[];
  /** Asks for the page after this one; `undefined` on the last. */
  readonly next: string | undefined;
}

/**
 * The two interfaces of the service, for one bucket: JSON for accounts, XML for interoperability keys. All throw `storage/not-found` for
 * objects that are missing and `storage/no-container` when it is the bucket.
 */
export interface GsApi {
  /** Stores what arrives as it was sent, or nothing. */
  put(key: string, body: Body, call: ApiCall & { readonly ifAbsent: boolean }): Promise<void>;
  /** Answers with status 200, 206 or 416. */
  get(key: string, range: string | undefined, call: ApiCall): Promise<HttpResponse>;
  stat(key: string, call: ApiCall): Promise<GsObject>;
  page(start: string, token: string | undefined, call: ApiCall): Promise<GsPage>;
  delete(key: string, call: ApiCall): Promise<void>;
  createBucket(call: ApiCall): Promise<void>;
}
