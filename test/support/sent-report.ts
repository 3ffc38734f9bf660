import assert from 'node:assert/strict';

import { AppError, type ErrorCode } from '../../src/base/errors.ts';
import type { ChannelSettings } from '../../src/model/channel.ts';
import type { Report } from '../../src/model/report.ts';
import { openChannel } from '../../src/notify/open-channel.ts';
import { channelContext } from './channel-context.ts';
import { type Answer, recordingHttp, type RecordedRequest } from './recording-http.ts';

/** Sends one report; what was sent, and what was said or thrown. */
export async function send(
  settingsAt: (address: string) => ChannelSettings,
  report: Report,
  answer: Answer | ((request: RecordedRequest) => Answer) = {},
): Promise<{ requests: readonly RecordedRequest[]; said: string; problem: AppError | undefined }> {
  await using server = await recordingHttp(typeof answer === 'function' ? answer : () => answer);
  await using channel = await openChannel('ops', settingsAt(server.address), channelContext());
  try {
    const said = await channel.send(report);
    return { requests: server.requests, said, problem: undefined };
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return { requests: server.requests, said: '', problem: error };
  }
}

/** Fails unless there is such a problem. */
export const assertProblem = (
  problem: AppError | undefined,
  code: ErrorCode,
  text: RegExp,
): void => {
  assert.equal(problem?.code, code);
  assert.match(problem?.message ?? '', text);
};

/** An object of JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** The body of a request as JSON. */
export const bodyOf = (request: RecordedRequest | undefined): Json => request!.json() as Json;
