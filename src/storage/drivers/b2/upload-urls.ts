import type { CallOptions } from '../../../base/call-options.ts';
import type { Body } from '../../body.ts';
import type { HttpClient } from '../../network/http-client.ts';
import { AnswerFields } from './answer-fields.ts';
import { isTokenRefusal } from './b2-account.ts';
import { b2Refusal } from './translate-error.ts';

/** Where one upload at a time may go, with a token of its own. */
export interface UploadUrl {
  readonly url: string;
  readonly token: string;
}

export interface Upload extends CallOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** With the SHA-1 behind it if the headers say so. */
  readonly body: Body;
  readonly action: string;
}

/**
 * The upload URLs of a bucket or of a large file. Each is used by one upload at a time, again and again, until one fails there: then it is
 * thrown away, as its server may be full or gone (Backblaze, "Uploading files").
 */
export class UploadUrls {
  readonly #client: HttpClient;
  readonly #fetch: (options: CallOptions) => Promise<UploadUrl>;
  readonly #free: UploadUrl[] = [];

  constructor(client: HttpClient, fetch: (options: CallOptions) => Promise<UploadUrl>) {
    this.#client = client;
    this.#fetch = fetch;
  }

  /** Sends a body once; a second time only when the token of the URL turns out to have ended. */
  async send({ headers, body, action, signal }: Upload): Promise<AnswerFields> {
    for (let attempt = 1; ; attempt++) {
      const place = this.#free.pop() ?? (await this.#fetch({ signal }));
      const response = await this.#client.request({
        method: 'POST',
        url: place.url,
        headers: { ...headers, authorization: place.token },
        body,
        action,
        signal,
      });
      if (response.status === 200) {
        const answer = new AnswerFields(await response.json(), action);
        this.#free.push(place);
        return answer;
      }
      const refusal = await b2Refusal(response, action);
      if (attempt > 1 || !isTokenRefusal(refusal)) throw refusal.error;
      // The others are as old.
      this.#free.length = 0;
    }
  }
}
