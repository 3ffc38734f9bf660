import { get } from 'node:http';

import { AppError, messageOf } from '../../base/errors.ts';
import type { CommandRun } from '../command.ts';
import type { monitorHealth } from '../definitions/monitor.ts';

const paths: Readonly<Record<string, string>> = {
  live: '/healthz',
  ready: '/readyz',
  backups: '/health/backups',
};

export const run: CommandRun<typeof monitorHealth> = async (input, { output, signal }) => {
  const { url = 'http://127.0.0.1:8200', check = 'live', seconds = 5 } = input.flags;
  const address = addressOf(url, paths[check]!);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
  let status = 0;
  let reason = '';
  try {
    status = await statusOf(address, limit);
  } catch (error) {
    signal.throwIfAborted();
    reason = limit.aborted ? `no answer for ${seconds} s` : messageOf(error);
  }
  const isWell = status === 200;
  if (reason === '') reason = isWell ? 'well' : `the answer is ${status}`;
  output.line(reason);
  output.object({ type: 'health', check, well: isWell, message: reason });
  return isWell ? 0 : 1;
};

function addressOf(url: string, path: string): URL {
  if (!/^http:\/\//iu.test(url) || !URL.canParse(url)) {
    throw new AppError('input/usage', `"${url}" is not the address of a service`, {
      hint: 'Write http://127.0.0.1:8200',
    });
  }
  return new URL(path, url);
}

/** Without a library: this is run every few seconds. */
function statusOf(address: URL, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    get(address, { signal, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    }).once('error', reject);
  });
}
