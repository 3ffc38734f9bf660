import type { CliContext } from '../context.ts';
import type { EntryEvent, OperationEvent, ProblemEvent } from '../../model/event.ts';
import { formatSize } from '../../base/size.ts';
import { displayPath, displayText } from './display-text.ts';
import type { Output } from './output.ts';
import { ProgressLine } from './progress-line.ts';
import { StreamWriter } from './stream-writer.ts';
import { summaryLines } from './summary-text.ts';
import { tableLines } from './table.ts';

export interface OutputSettings {
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly progress: boolean;
}

/** So many different warnings are remembered, so as not to print them twice. */
const REMEMBERED = 10_000;

/** Text for people: results on standard output; progress, problems and notes on standard error. */
export function textOutput(context: CliContext, settings: OutputSettings): Output {
  const results = new StreamWriter(context.stdout);
  const remarks = new StreamWriter(context.stderr);
  const { terminal } = context;
  const line =
    settings.progress && !settings.quiet && terminal.progress
      ? new ProgressLine(context.stderr, context.clock, () => terminal.columns())
      : undefined;
  const print = (text: string): void => {
    line?.clear();
    results.write(`${text}\n`);
  };
  const remark = (text: string): void => {
    line?.clear();
    remarks.write(`${text}\n`);
  };
  const warnings = new Set<string>();
  // One damaged pack is met again and again.
  const isNews = (text: string): boolean => {
    if (warnings.has(text)) return false;
    if (warnings.size < REMEMBERED) warnings.add(text);
    return true;
  };
  return {
    json: false,
    get closed() {
      return results.closed;
    },
    report(event: OperationEvent) {
      switch (event.type) {
        case 'phase':
        case 'total':
        case 'progress':
          line?.update(event);
          break;
        case 'entry':
          if (settings.verbose) print(entryText(event));
          break;
        case 'problem': {
          const text = problemText(event, terminal.colour);
          if (event.severity === 'warning' && !isNews(text)) break;
          remark(text);
          break;
        }
        case 'notice':
          if (!settings.quiet) remark(displayText(event.message));
          break;
        case 'summary':
          if (!settings.quiet) for (const text of summaryLines(event)) print(text);
          break;
      }
    },
    object() {},
    line: print,
    note(text) {
      if (!settings.quiet) remark(text);
    },
    table(columns, rows) {
      for (const text of tableLines(columns, rows)) print(text);
    },
    pause: () => line?.clear(),
    flush: () => results.flush(),
    close: () => line?.clear(),
  };
}

function entryText(event: EntryEvent): string {
  const added = event.bytesAdded === undefined ? '' : `, ${formatSize(event.bytesAdded)} added`;
  return `${event.action.padEnd(9)} ${displayPath(event.path)} (${formatSize(event.size)}${added})`;
}

function problemText({ severity, path, error }: ProblemEvent, colour: boolean): string {
  const word = colour ? `\x1b[${severity === 'error' ? 31 : 33}m${severity}\x1b[39m` : severity;
  const message = displayText(error.message);
  const name = path === undefined ? '' : displayPath(path);
  // Most messages name what they are about.
  const where = name === '' || message.includes(name) ? '' : `${name}: `;
  return `holdfast: ${word}: ${where}${message}`;
}
