import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import type { HttpChannelBase } from '../../model/channel.ts';
import type { Report } from '../../model/report.ts';
import type { Channel, ChannelContext } from '../channel.ts';
import { HttpClient, type HttpAnswer, type HttpRequest } from './http-client.ts';

/** What a service is told by one HTTP request for each report. */
export interface HttpService {
  /** As people call it: `Slack`. */
  readonly title: string;
  /** Where it is; only its host is ever shown. */
  readonly url: URL;
  /** What must not be shown even if the server says it. */
  readonly secrets: readonly string[];
  /** Milliseconds to wait for an answer, 30 s by default. */
  readonly patience?: number;
  /** The requests for a report, one after the other; none if there is nothing to tell about it. */
  requests(report: Report): readonly HttpRequest[];
  /** Judges an answer: the sentence for people, or the error. By default 2xx is good. */
  judge?(answer: HttpAnswer, client: HttpClient): string;
}

/**
 * A channel over HTTP. Where one report makes several requests (several chats), those that went well are not sent again when the report
 * is tried again by the same channel.
 */
export async function openHttpChannel(
  name: string,
  settings: HttpChannelBase,
  context: ChannelContext,
  service: HttpService,
  options: CallOptions,
): Promise<Channel> {
  const { title, url, secrets, patience } = service;
  const client = await HttpClient.open(name, url, secrets, settings, context, {
    ...options,
    ...(patience !== undefined && { patience }),
  });
  const delivered = new Set<string>();
  const sendOne = async (request: HttpRequest, call: CallOptions): Promise<string> => {
    const answer = await client.send(request, call);
    if (service.judge !== undefined) return service.judge(answer, client);
    if (answer.status >= 200 && answer.status < 300) return client.said(answer);
    throw client.problem(answer);
  };
  return {
    address: `${title} at ${url.host}`,
    async send(report, call = {}) {
      const requests = service.requests(report);
      if (requests.length === 0) return `Nothing to send for "${report.event}"`;
      let said = '';
      let problem: Error | undefined;
      for (const [index, request] of requests.entries()) {
        const key = `${report.id} ${String(index)}`;
        if (delivered.has(key)) continue;
        try {
          said = await sendOne(request, call);
          if (requests.length > 1) delivered.add(key);
        } catch (error) {
          call.signal?.throwIfAborted();
          // The others are told all the same.
          problem ??= error instanceof Error ? error : new Error(String(error));
        }
      }
      if (problem !== undefined) {
        const isPartial = requests
          .keys()
          .some((index) => delivered.has(`${report.id} ${String(index)}`));
        throw isPartial ? partial(problem) : problem;
      }
      for (const index of requests.keys()) delivered.delete(`${report.id} ${String(index)}`);
      return said;
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** Says in its details that some have it: a channel that is opened anew would send it to them again. */
export function partial(problem: Error): Error {
  if (!(problem instanceof AppError)) return problem;
  const { code, message, hint, details } = problem;
  return new AppError(code, message, {
    ...(hint !== undefined && { hint }),
    details: { ...details, partial: true },
  });
}

/** A request with a JSON body. */
export function jsonRequest(
  url: URL,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpRequest {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}
