import type { CallOptions } from '../../../base/call-options.ts';

/** What a request says about who makes it. */
export interface Authorizer {
  headers(
    request: {
      readonly method: string;
      readonly url: URL;
      readonly headers: Readonly<Record<string, string>>;
    },
    options: CallOptions,
  ): Promise<Readonly<Record<string, string>>>;
  /** The service did not accept these headers. Whether others can be had. */
  refused(headers: Readonly<Record<string, string>>): Promise<boolean>;
}
