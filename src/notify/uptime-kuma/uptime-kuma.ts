import type { OpenChannel } from '../channel.ts';
import { openHttpChannel } from '../http/http-channel.ts';
import { objectIn, textIn } from '../http/json-answer.ts';
import { secretAddress, webAddress } from '../http/web-address.ts';
import { messageMaker } from '../message.ts';
import { plainLine } from '../plain-line.ts';

/** A push monitor of Uptime Kuma: GET with `status` (`up` or `down`), `msg` and `ping`, the duration in milliseconds. */
export const open: OpenChannel<'uptime-kuma'> = async (name, settings, context, options) => {
  const address = await secretAddress(name, settings.url, context, options);
  const message = messageMaker(settings);
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'Uptime Kuma',
      url: webAddress(name, address),
      secrets: new URL(address).pathname.split('/').filter((part) => part.length >= 8),
      patience: 5000,
      requests(report) {
        // It knows no beginning, and a run that was left out is no sign of life.
        if (report.event === 'started' || report.event === 'skipped') return [];
        const { title, tone } = message(report);
        const url = webAddress(name, address.replaceAll('{{job}}', encodeURIComponent(report.job)));
        const { startedAt, finishedAt, problem } = report.run ?? {};
        const text = problem === undefined ? title : `${title}: ${problem.message}`;
        url.search = new URLSearchParams({
          status: tone === 'bad' ? 'down' : 'up',
          msg: plainLine(text, 250),
          ping:
            startedAt === undefined || finishedAt === undefined
              ? ''
              : String(finishedAt - startedAt),
        }).toString();
        return [{ method: 'GET', url }];
      },
      judge(answer, client) {
        if (answer.status >= 200 && answer.status < 300 && objectIn(answer.text)['ok'] !== false)
          return client.said(answer);
        if (textIn(objectIn(answer.text), 'msg').includes('not found'))
          throw client.problem(
            { ...answer, status: 404 },
            'there is no such monitor, or it is off',
          );
        throw client.problem(answer);
      },
    },
    options,
  );
};
