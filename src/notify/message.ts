import type { ChannelBase } from '../model/channel.ts';
import type { Report } from '../model/report.ts';
import { lastBytes, plainLine, plainText, shortened } from './plain-line.ts';
import { type Fact, factsOf } from './report-facts.ts';
import { reportDocument } from './report-document.ts';
import { type Tone, toneOf } from './report-tone.ts';
import { compileTemplate } from './template.ts';
import { withOutput } from './with-output.ts';

/** A report as chats and phones show it. */
export interface Message {
  readonly title: string;
  readonly tone: Tone;
  readonly facts: readonly Fact[];
  /** What the steps printed, if it may be sent along. */
  readonly output: string | undefined;
}

/** Makes messages as the settings of a channel want them. @throws AppError `input/invalid` for a bad template of the subject */
export function messageMaker(settings: ChannelBase): (report: Report) => Message {
  const subject =
    settings.subject === undefined ? undefined : compileTemplate(settings.subject, 'line');
  return (report) => ({
    title: plainLine(subject?.(reportDocument(report, { withOutput: false })) ?? report.title, 250),
    tone: toneOf(report),
    facts: factsOf(report),
    output: outputOf(report, settings),
  });
}

function outputOf(report: Report, settings: ChannelBase): string | undefined {
  if (!withOutput(report, settings)) return undefined;
  const texts = (report.run?.steps ?? []).flatMap(({ name, output }) =>
    output === undefined || output === ''
      ? []
      : [`${plainLine(name, 200)}:\n${plainText(output).trimEnd()}`],
  );
  return texts.length === 0 ? undefined : texts.join('\n\n');
}

/** The facts as lines `Label: value`, then as much as fits of the end of the output; at most `most` bytes in UTF-8. */
export function messageText({ facts, output }: Message, most: number): string {
  const lines = facts.map(({ label, value }) => `${label}: ${value}`).join('\n');
  const text = firstBytes(lines, most);
  const room = most - Buffer.byteLength(text) - 10;
  if (output === undefined || room < 100) return text;
  const isWhole = Buffer.byteLength(output) <= room;
  return `${text}\n\n${isWhole ? '' : '…\n'}${lastBytes(output, room)}`;
}

function firstBytes(text: string, most: number): string {
  let end = text;
  while (Buffer.byteLength(end) > most) {
    end = shortened(end, Math.max(1, end.length - Math.ceil((Buffer.byteLength(end) - most) / 4)));
  }
  return end;
}
