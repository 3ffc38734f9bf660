import type { Report } from '../model/report.ts';
import type { StepRecord } from '../model/run.ts';
import { plainLine, plainText } from './plain-line.ts';
import { type Fact, factsOf, stepFactsOf } from './report-facts.ts';
import { detailedReports, type ReportTextOptions } from './report-text.ts';
import { type Tone, toneOf } from './report-tone.ts';

/** Readable on white and on black: mail clients with a dark mode turn backgrounds around, not always text. */
const colours: Readonly<Record<Tone, string>> = {
  good: '#2e8b57',
  warning: '#c77700',
  bad: '#d13438',
  neutral: '#6b7280',
};

const font = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const grey = 'color:#808080';

/** A report as an HTML page for mail: the facts of the plain text, everything inline, nothing from elsewhere. */
export function reportHtml(report: Report, options: ReportTextOptions): string {
  return page(plainLine(report.title, 300), section(report, options));
}

/** Several reports on one page: the titles first. */
export function digestHtml(
  title: string,
  reports: readonly Report[],
  options: ReportTextOptions,
): string {
  const items = reports.map(
    (report) =>
      `<li style="margin:2px 0"><span style="color:${colours[toneOf(report)]};font-weight:600">&#9632;</span> ${escapeHtml(plainLine(report.title, 300))}</li>`,
  );
  const sections = detailedReports(reports).map((report) => section(report, options));
  return page(
    plainLine(title, 300),
    `<h1 style="font-size:20px;margin:0 0 12px">${escapeHtml(plainLine(title, 300))}</h1>
<ul style="list-style:none;margin:0 0 24px;padding:0">${items.join('\n')}</ul>
${sections.join('\n')}`,
  );
}

function page(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(title)}</title>
</head>
<body style="margin:0;padding:16px;${font};font-size:14px;line-height:1.45">
<div style="max-width:720px;margin:0 auto">
${body}
</div>
</body>
</html>
`;
}

function section(report: Report, { withOutput }: ReportTextOptions): string {
  const colour = colours[toneOf(report)];
  const steps = (report.run?.steps ?? []).map((step) =>
    stepHtml(step, report.timeZone, withOutput),
  );
  return `<div style="border-left:4px solid ${colour};padding:2px 0 2px 14px;margin:0 0 20px">
<h2 style="font-size:18px;margin:0 0 8px;color:${colour}">${escapeHtml(plainLine(report.title, 300))}</h2>
${table(factsOf(report))}
</div>
${steps.join('\n')}`;
}

function stepHtml(step: StepRecord, timeZone: string, withOutput: boolean): string {
  const warnings = (step.warnings ?? []).map(
    (warning) =>
      `<div style="color:${colours.warning}">Warning: ${escapeHtml(plainLine(warning, 1000))}</div>`,
  );
  const output =
    withOutput && step.output !== undefined && step.output !== ''
      ? `<pre style="white-space:pre-wrap;overflow-wrap:anywhere;font-family:ui-monospace,Consolas,monospace;font-size:12px;border:1px solid #80808055;border-radius:4px;padding:8px;margin:8px 0 0">${escapeHtml(plainText(step.output).trimEnd())}</pre>`
      : '';
  return `<div style="border-top:1px solid #80808055;padding:10px 0">
<div style="font-weight:600;color:${colours[stepTone(step)]}">${escapeHtml(plainLine(step.name, 1000))}</div>
${table(stepFactsOf(step, timeZone))}
${warnings.join('\n')}${output}
</div>`;
}

function stepTone({ outcome }: StepRecord): Tone {
  if (outcome === 'failed' || outcome === 'broken') return 'bad';
  if (outcome === 'warned') return 'warning';
  return outcome === 'succeeded' ? 'good' : 'neutral';
}

function table(facts: readonly Fact[]): string {
  const rows = facts.map(
    ({ label, value }) =>
      `<tr><td style="${grey};padding:1px 14px 1px 0;vertical-align:top;white-space:nowrap">${escapeHtml(label)}</td><td style="padding:1px 0;vertical-align:top;overflow-wrap:anywhere">${escapeHtml(value)}</td></tr>`,
  );
  return `<table role="presentation" cellpadding="0" cellspacing="0" style="border-collapse:collapse;${font};font-size:14px">${rows.join('\n')}</table>`;
}

/** Text between tags or within quotes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(
    /[&<>"']/gu,
    (character) =>
      ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[character] ?? '',
  );
}
