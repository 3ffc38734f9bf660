import { type SyslogFacility, syslogFacilities } from '../../model/channel.ts';
import type { Report } from '../../model/report.ts';
import type { Message } from '../message.ts';
import { plainLine } from '../plain-line.ts';
import type { Tone } from '../report-tone.ts';

/** Severities of RFC 5424 section 6.2.1: error, warning, notice, informational. */
export const severities: Readonly<
  Record<Tone, { readonly number: number; readonly name: string }>
> = {
  bad: { number: 3, name: 'err' },
  warning: { number: 4, name: 'warning' },
  good: { number: 5, name: 'notice' },
  neutral: { number: 6, name: 'info' },
};

/** A report in one line: the title, then the facts. At most 8000 characters. */
export function syslogLine({ title, facts }: Message): string {
  const rest = facts
    .filter(({ label }) => label !== 'Job')
    .map(({ label, value }) => `${label}: ${value}`);
  return plainLine([title, ...rest].join('; '), 8000);
}

/** A message of RFC 5424, without the framing of a transport. */
export function syslogMessage(
  report: Report,
  message: Message,
  {
    facility,
    application,
    processId,
  }: { facility: SyslogFacility; application: string; processId: number },
): string {
  const priority = syslogFacilities.indexOf(facility) * 8 + severities[message.tone].number;
  const time = new Date(report.at).toISOString();
  const host = report.host.replaceAll(/[^\x21-\x7e]/gu, '').slice(0, 255) || '-';
  return `<${String(priority)}>1 ${time} ${host} ${application} ${String(processId)} ${report.event} - \ufeff${syslogLine(message)}`;
}
