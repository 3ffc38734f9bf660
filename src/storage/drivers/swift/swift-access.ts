import type { CallOptions } from '../../../base/call-options.ts';
import type { HttpClient } from '../../network/http-client.ts';

/** The right to use an account, for some time. */
export interface SwiftAccess {
  readonly token: string;
  /** The account: `https://host/v1/AUTH_…`, without a slash at the end. */
  readonly storageUrl: string;
  /** Milliseconds from now on that the token is good for, as far as the server says. */
  readonly lifetime?: number;
}

/** Asks for a token. Throws `storage/access-denied` for credentials that are wrong. */
export type Authenticate = (client: HttpClient, options: CallOptions) => Promise<SwiftAccess>;
