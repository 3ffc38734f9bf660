import type { Report } from '../model/report.ts';
import type { StepRecord } from '../model/run.ts';
import { plainLine, plainText } from './plain-line.ts';
import { type Fact, factsOf, stepFactsOf } from './report-facts.ts';
import { toneOf } from './report-tone.ts';

export interface ReportTextOptions {
  /** What the steps printed, too. */
  readonly withOutput: boolean;
}

const rule = '-'.repeat(72);

/** A report as plain text: its title, the facts, then each step below a rule. */
export function reportText(report: Report, { withOutput }: ReportTextOptions): string {
  const title = plainLine(report.title, 300);
  const parts = [title, '', columns(factsOf(report), '')];
  for (const step of report.run?.steps ?? []) {
    parts.push('', rule, stepText(step, report.timeZone, withOutput));
  }
  return `${parts.join('\n')}\n`;
}

/** Several reports in one text: first the titles, then the details of those that have to be shown in full. */
export function digestText(
  title: string,
  reports: readonly Report[],
  options: ReportTextOptions,
): string {
  const lines = reports.map((report) => `  ${plainLine(report.title, 300)}`);
  const texts = detailedReports(reports).map((report) => reportText(report, options));
  return `${plainLine(title, 300)}\n\n${lines.join('\n')}\n\n\n${texts.join('\n\n')}`;
}

/** A digest of many shows in full only what did not go well, and not more than can be read. */
export function detailedReports(reports: readonly Report[]): readonly Report[] {
  if (reports.length <= 30) return reports;
  return reports
    .filter((report) => toneOf(report) === 'bad' || toneOf(report) === 'warning')
    .slice(0, 100);
}

function stepText(step: StepRecord, timeZone: string, withOutput: boolean): string {
  const lines = [plainLine(step.name, 1000), columns(stepFactsOf(step, timeZone), '  ')];
  for (const warning of step.warnings ?? []) lines.push(`  Warning: ${plainLine(warning, 1000)}`);
  if (withOutput && step.output !== undefined && step.output !== '') {
    lines.push('  Output:', plainText(step.output).trimEnd());
  }
  return lines.join('\n');
}

function columns(facts: readonly Fact[], indent: string): string {
  const width = Math.max(0, ...facts.map(({ label }) => label.length)) + 2;
  return facts
    .map(({ label, value }) => `${indent}${`${label}:`.padEnd(width)}${value}`)
    .join('\n');
}
