import type { OpenChannel } from '../channel.ts';
import { jsonRequest, openHttpChannel } from '../http/http-channel.ts';
import { basic } from '../http/http-client.ts';
import { secretAddress, webAddress } from '../http/web-address.ts';
import { reportDocument } from '../report-document.ts';
import { reveal } from '../reveal.ts';
import { withOutput } from '../with-output.ts';

/** Grafana Loki: `POST /loki/api/v1/push` (https://grafana.com/docs/loki/latest/reference/loki-http-api/). One line of JSON for each report. */
export const open: OpenChannel<'loki'> = async (name, settings, context, options) => {
  const url = webAddress(name, await secretAddress(name, settings.url, context, options));
  if (url.pathname === '/') url.pathname = '/loki/api/v1/push';
  const { labels = {}, tenant, user } = settings;
  const password = await reveal(name, settings.password, 'the password', context, options);
  const headers = {
    ...(tenant !== undefined && { 'x-scope-orgid': tenant }),
    ...(user !== undefined && {
      authorization: basic(encodeURIComponent(user), encodeURIComponent(password ?? '')),
    }),
  };
  return await openHttpChannel(
    name,
    settings,
    context,
    {
      title: 'Loki',
      url,
      secrets: [password ?? '', url.password],
      requests(report) {
        const { text: _text, ...document } = reportDocument(report, {
          withOutput: withOutput(report, settings),
        });
        const stream = {
          ...labels,
          service_name: 'holdfast',
          host: report.host,
          job: report.job,
          event: report.event,
        };
        // Nanoseconds, as a text: they are beyond what a number of JSON holds.
        const values = [[`${String(report.at)}000000`, JSON.stringify(document)]];
        return [jsonRequest(url, { streams: [{ stream, values }] }, headers)];
      },
    },
    options,
  );
};
