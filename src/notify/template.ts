import { didYouMean } from '../base/did-you-mean.ts';
import { AppError } from '../base/errors.ts';
import { escapeHtml } from './report-html.ts';
import { plainLine } from './plain-line.ts';
import { type ReportDocument, reportDocument } from './report-document.ts';
import { sampleReport } from './sample-report.ts';

/** How what is put in is written, so that it cannot be anything else than text there. */
export type TemplateContext = 'line' | 'text' | 'json' | 'form' | 'html';

/** A text with places that are filled in. */
export type Template = (document: ReportDocument) => string;

/**
 * Makes a template: `{{job}}`, `{{run.activity}}`, `{{problem.message}}` stand for the field of the report's document; `{{json run}}` for the field as
 * JSON, as it is. In a `line` (a subject) `{hostname}`, `{periodicity}` and `{result}` are known too, and everywhere the placeholders of
 * Duplicati that have a meaning here (`%PARSEDRESULT%`, `%backup-name%` …); other `%…%` stay.
 *
 * @throws AppError `input/invalid` for a field that there is not
 */
export function compileTemplate(text: string, context: TemplateContext): Template {
  const sample = reportDocument(sampleReport({ at: 0, host: 'host', timeZone: 'UTC' }), {
    withOutput: true,
  });
  const parts = text.split(/(\{\{[^{}]*\}\})/u).map((part): Template => {
    const inner = /^\{\{\s*(.*?)\s*\}\}$/su.exec(part)?.[1];
    if (inner === undefined) return literal(part, context);
    const asJson = /^json\s+(.+)$/u.exec(inner);
    const path = asJson?.[1] ?? inner;
    checkPath(path, sample);
    return asJson === null
      ? (document) => escaped(textOf(valueAt(path, document)), context)
      : (document) => JSON.stringify(valueAt(path, document) ?? null);
  });
  return (document) => parts.map((part) => part(document)).join('');
}

/** Writes a value so that it is text in a context. */
export function escaped(value: string, context: TemplateContext): string {
  switch (context) {
    case 'line':
      return plainLine(value);
    case 'text':
      return value;
    case 'json':
      return JSON.stringify(value).slice(1, -1);
    case 'form':
      return encodeURIComponent(value);
    case 'html':
      return escapeHtml(value);
  }
}

/** What the cron images know in a subject. */
const singleBraces: Readonly<Record<string, Template>> = {
  hostname: (document) => textOf(valueAt('host', document)),
  periodicity: (document) => textOf(valueAt('periodicity', document)),
  // They know two results.
  result: (document) => (valueAt('tone', document) === 'bad' ? 'ERROR' : 'OK'),
};

const parsedResults: Readonly<Record<string, string>> = {
  good: 'Success',
  warning: 'Warning',
  bad: 'Error',
  neutral: 'Unknown',
};

/** Placeholders of Duplicati, in lower case, by what they are here. */
const placeholders: Readonly<Record<string, Template>> = {
  parsedresult: (document) => parsedResults[textOf(valueAt('tone', document))] ?? '',
  result: (document) => textOf(valueAt('text', document)),
  operationname: (document) => capital(textOf(valueAt('run.activity', document))),
  'backup-name': (document) => textOf(valueAt('job', document)),
  'backup-id': (document) => textOf(valueAt('job', document)),
  'machine-name': (document) => textOf(valueAt('host', document)),
  'machine-id': (document) => textOf(valueAt('host', document)),
  'next-scheduled-run': (document) => textOf(valueAt('nextRun', document)),
  remoteurl: (document) => destinationsOf(document),
};

function literal(text: string, context: TemplateContext): Template {
  const pattern = context === 'line' ? /%([A-Za-z-]+)%|\{([a-z]+)\}/gu : /%([A-Za-z-]+)%/gu;
  return (document) =>
    text.replaceAll(pattern, (whole, name: string | undefined, brace: unknown) => {
      const place =
        typeof brace === 'string'
          ? own(singleBraces, brace)
          : name !== undefined
            ? own(placeholders, name.toLowerCase())
            : undefined;
      return place === undefined ? whole : escaped(place(document), context);
    });
}

const own = <Value>(table: Readonly<Record<string, Value>>, key: string): Value | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

function checkPath(path: string, sample: ReportDocument): void {
  let at: unknown = sample;
  for (const name of path.split('.')) {
    // Elements of lists are not checked: how many there are differs.
    if (Array.isArray(at) && /^\d+$/u.test(name)) return;
    if (!isRecord(at) || !Object.hasOwn(at, name)) {
      const names = isRecord(at) ? Object.keys(at) : [];
      const nearest = didYouMean(name, names);
      throw new AppError(
        'input/invalid',
        `A report has no field "${plainLine(path, 100)}"${nearest === undefined ? '' : `; did you mean "${[...path.split('.').slice(0, -1), nearest].join('.')}"?`}`,
        { hint: `The fields are ${Object.keys(sample).join(', ')}` },
      );
    }
    at = at[name];
  }
}

function valueAt(path: string, document: ReportDocument): unknown {
  let at: unknown = document;
  for (const name of path.split('.')) {
    if (Array.isArray(at)) at = at[Number(name)];
    else if (isRecord(at) && Object.hasOwn(at, name)) at = at[name];
    else return undefined;
  }
  return at;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  return JSON.stringify(value);
}

function destinationsOf(document: ReportDocument): string {
  const steps = valueAt('run.steps', document);
  const names = Array.isArray(steps)
    ? steps.map((step: unknown) => (isRecord(step) ? textOf(step['destination']) : ''))
    : [];
  return [...new Set(names.filter((name) => name !== ''))].join(', ');
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
