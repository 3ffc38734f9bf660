import { createHash } from 'node:crypto';

import { parseSize } from '../../base/size.ts';
import type { Report } from '../../model/report.ts';
import type { SettingsOf } from '../channel.ts';
import { messageMaker } from '../message.ts';
import { lastBytes, plainLine } from '../plain-line.ts';
import { digestHtml, reportHtml } from '../report-html.ts';
import { digestText, reportText } from '../report-text.ts';
import { type Tone, toneOf } from '../report-tone.ts';
import { withOutput } from '../with-output.ts';

/** What a mail says. */
export interface MailContent {
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
  readonly attachments: readonly { readonly filename: string; readonly content: string }[];
  /** The same whenever the same is sent again, so that servers and programs may drop the second. */
  readonly messageId: string;
  readonly date: Date;
  readonly priority: 'high' | 'normal';
  readonly headers: Readonly<Record<string, string>>;
}

type Settings = Pick<SettingsOf<'mail'>, 'subject' | 'output' | 'format' | 'attach'>;

/** Writes mails. @throws AppError `input/invalid` for a bad template of the subject or size */
export function mailWriter(
  name: string,
  settings: Settings,
): {
  single(report: Report): MailContent;
  digest(reports: readonly Report[]): MailContent;
} {
  const { format = 'both' } = settings;
  const message = messageMaker({ subject: settings.subject ?? defaultSubject });
  const most = settings.attach === undefined ? undefined : parseSize(settings.attach);
  return {
    single(report) {
      const options = { withOutput: withOutput(report, settings) };
      const output = options.withOutput && most !== undefined ? outputOf(report) : '';
      return {
        subject: message(report).title,
        text: reportText(report, options),
        ...(format === 'both' && { html: reportHtml(report, options) }),
        attachments:
          output === ''
            ? []
            : [
                {
                  filename: `${report.job}-${fileName(report.run?.id ?? report.id)}.log`,
                  content: lastBytes(output, most ?? 0),
                },
              ],
        messageId: messageId([name, report.id], report.host),
        date: new Date(report.at),
        priority: toneOf(report) === 'bad' ? 'high' : 'normal',
        headers: {
          ...commonHeaders,
          'X-Holdfast-Job': plainLine(report.job),
          'X-Holdfast-Event': report.event,
          // All that is told about a job makes one thread.
          References: messageId(['thread', name, report.job], report.host),
        },
      };
    },
    digest(reports) {
      const title = digestTitle(reports);
      const host = reports[0]?.host ?? 'localhost';
      const options = { withOutput: false };
      return {
        subject: title,
        text: digestText(title, reports, options),
        ...(format === 'both' && { html: digestHtml(title, reports, options) }),
        attachments: [],
        messageId: messageId(['digest', name, ...reports.map(({ id }) => id)], host),
        date: new Date(Math.max(...reports.map(({ at }) => at))),
        priority: 'normal',
        headers: {
          ...commonHeaders,
          'X-Holdfast-Event': 'digest',
          References: messageId(['thread', name, 'digest'], host),
        },
      };
    },
  };
}

const defaultSubject = '[{{result}}] {{title}} ({{host}})';

/** RFC 3834: so that nobody's absence is answered; the second is what Exchange goes by. */
const commonHeaders = {
  'Auto-Submitted': 'auto-generated',
  'X-Auto-Response-Suppress': 'All',
} as const;

const words: Readonly<Record<Tone, string>> = {
  bad: 'bad',
  warning: 'with warnings',
  good: 'good',
  neutral: 'other',
};

function digestTitle(reports: readonly Report[]): string {
  const counts = new Map<Tone, number>();
  for (const report of reports) {
    const tone = toneOf(report);
    counts.set(tone, (counts.get(tone) ?? 0) + 1);
  }
  const parts = (['bad', 'warning', 'good', 'neutral'] as const).flatMap((tone) => {
    const count = counts.get(tone);
    return count === undefined ? [] : [`${String(count)} ${words[tone]}`];
  });
  return `Backup digest of ${reports[0]?.host ?? 'localhost'}: ${parts.join(', ')}`;
}

function outputOf(report: Report): string {
  return (report.run?.steps ?? [])
    .flatMap(({ name, output }) =>
      output === undefined || output === '' ? [] : [`### ${name}\n${output.trimEnd()}\n`],
    )
    .join('\n');
}

const fileName = (text: string): string => text.replaceAll(/[^A-Za-z0-9._-]/gu, '_').slice(0, 100);

function messageId(parts: readonly string[], host: string): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  return `<${hash}@${host.replaceAll(/[^A-Za-z0-9.-]/gu, '-').slice(0, 200) || 'localhost'}>`;
}
