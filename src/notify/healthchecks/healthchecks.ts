import { createHash } from 'node:crypto';

import { AppError } from '../../base/errors.ts';
import type { Report } from '../../model/report.ts';
import type { OpenChannel } from '../channel.ts';
import { openHttpChannel } from '../http/http-channel.ts';
import { below, secretAddress, webAddress } from '../http/web-address.ts';
import { lastBytes } from '../plain-line.ts';
import { reportText } from '../report-text.ts';
import { withOutput } from '../with-output.ts';

/** What the service keeps of a ping: "the first 100 kB (100000 bytes) of the request body". */
const longestBody = 100_000;

/**
 * Pings as of healthchecks.io (https://healthchecks.io/docs/http_api/): `/start` when a run begins, the address itself for a success, `/<exit status>` or
 * `/fail` for a failure, `/log` for what is neither. All pings of a run have the same `rid`, so that its duration is measured even if others run beside it.
 */
export const open: OpenChannel<'healthchecks'> = async (name, settings, context, options) => {
  const address = await secretAddress(name, settings.url, context, options);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'healthchecks',
      url: webAddress(name, address),
      secrets: new URL(address).pathname.split('/').filter((part) => part.length >= 8),
      patience: 5000,
      requests(report) {
        const base = webAddress(name, address.replaceAll('{{job}}', slugOf(report.job)));
        const url = below(base, signalOf(report)).href.replace(/\/(?=$|\?)/u, '');
        const ping = new URL(url);
        ping.searchParams.set('rid', runIdOf(report));
        if (settings.create === true) ping.searchParams.set('create', '1');
        const text = reportText(report, { withOutput: withOutput(report, settings) });
        return [
          {
            method: 'POST',
            url: ping,
            headers: { 'content-type': 'text/plain; charset=utf-8' },
            body: lastBytes(text, longestBody),
          },
        ];
      },
      judge(answer, client) {
        // "200 OK (not found)" is what some versions say instead of 404.
        if (answer.status === 200 && answer.text.includes('(not found)'))
          throw client.problem({ ...answer, status: 404 }, 'there is no such check');
        if (answer.status === 200 && answer.text.includes('(rate limited)'))
          throw client.problem({ ...answer, status: 429 });
        if (answer.status >= 200 && answer.status < 300) return client.said(answer);
        if (answer.status === 404) throw client.problem(answer, 'there is no such check');
        if (answer.status === 409) throw client.problem(answer, 'several checks have that slug');
        throw client.problem(answer);
      },
    },
    options,
  );
};

function signalOf({ event, run }: Report): string {
  switch (event) {
    case 'started':
      return 'start';
    case 'failed':
    case 'missed':
      return failureOf(run);
    case 'drill':
      return run?.state === 'failed' || run?.state === 'broken' ? failureOf(run) : '';
    case 'skipped':
      return 'log';
    case 'succeeded':
    case 'warned':
    case 'recovered':
      return '';
  }
}

/** `fail`, or the exit status of what failed: "a 0-255 integer; … all non-zero values as failures". */
function failureOf(run: Report['run']): string {
  const status = run?.steps.findLast(({ outcome }) => outcome === 'failed')?.exitStatus;
  return status !== undefined && status >= 1 && status <= 255 ? String(status) : 'fail';
}

/** A UUID that is the same for all pings of a run. */
function runIdOf({ id, run }: Report): string {
  const hash = createHash('sha256')
    .update(run?.id ?? id)
    .digest();
  hash[6] = (hash[6]! & 0x0f) | 0x80; // RFC 9562 section 5.8: version 8, made in our own way
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  return hash
    .toString('hex', 0, 16)
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, '$1-$2-$3-$4-$5');
}

/** "The slug should only contain the following characters: a-z, 0-9, hyphens, and underscores." */
function slugOf(job: string): string {
  const slug = job.toLowerCase().replaceAll(/[^a-z0-9_-]+/gu, '-');
  if (slug !== '') return slug;
  throw new AppError('input/invalid', `The name of the job "${job}" makes no slug`);
}
