import { AppError } from '../../base/errors.ts';

/** A field of a cron expression: what its numbers may be, and their names. */
export interface FieldKind {
  /** For people: `minute`. */
  readonly title: string;
  readonly least: number;
  readonly most: number;
  /** Names in lower case. */
  readonly names?: Readonly<Record<string, number>>;
}

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const weekdays = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ');

/** `jan` … `dec` to 1–12, also spelt out in full. */
const monthNames: Readonly<Record<string, number>> = Object.fromEntries(
  [
    ...months,
    ...'january february march april may june july august september october november december'.split(
      ' ',
    ),
  ].map((name, index) => [name, (index % 12) + 1]),
);

/** `sun` … `sat` to 0–6, also spelt out in full. */
export const weekdayNames: Readonly<Record<string, number>> = Object.fromEntries(
  weekdays.flatMap((name, index) => [
    [name, index],
    [name.slice(0, 3), index],
  ]),
);

export const secondField: FieldKind = { title: 'second', least: 0, most: 59 };
export const minuteField: FieldKind = { title: 'minute', least: 0, most: 59 };
export const hourField: FieldKind = { title: 'hour', least: 0, most: 23 };
export const dateField: FieldKind = { title: 'day of the month', least: 1, most: 31 };
export const monthField: FieldKind = { title: 'month', least: 1, most: 12, names: monthNames };
/** 7 is Sunday too. */
export const weekdayField: FieldKind = {
  title: 'day of the week',
  least: 0,
  most: 7,
  names: weekdayNames,
};

/**
 * The numbers that a field with lists, ranges and steps means, sorted, each once.
 *
 * @throws AppError `input/invalid` that names the field
 */
export function parseField(text: string, kind: FieldKind): number[] {
  const found = new Set<number>();
  for (const item of text.split(',')) addItem(found, item, text, kind);
  if (kind === weekdayField && found.delete(7)) found.add(0);
  return [...found].sort((left, right) => left - right);
}

function addItem(found: Set<number>, item: string, text: string, kind: FieldKind): void {
  const match = /^(\*|\?|[a-z\d]+)(?:-([a-z\d]+))?(?:\/(\d+))?$/iu.exec(item);
  if (match === null || (/[*?]/u.test(match[1]!) && match[2] !== undefined))
    throw invalidField(text, kind, `"${item}" is not a number, name, range or step`);
  const [, first = '', last, stepText] = match;
  const isStar = first === '*' || first === '?';
  const most = kind === weekdayField ? 6 : kind.most;
  const from = isStar ? kind.least : numberOf(first, text, kind);
  let until = isStar || (last === undefined && stepText !== undefined) ? most : from;
  if (last !== undefined) until = numberOf(last, text, kind);
  const step = stepText === undefined ? 1 : Number(stepText);
  if (step < 1) throw invalidField(text, kind, 'a step is at least 1');
  if (stepText !== undefined && step > most - kind.least + 1) {
    throw invalidField(
      text,
      kind,
      `the step ${step} is longer than the field`,
      'For intervals that do not divide an hour or a day write "@every", such as @every 90m',
    );
  }
  if (until < from) {
    // Friday to Monday goes over the end of the week, wherever the week is said to begin.
    if (kind !== weekdayField) throw invalidField(text, kind, `the range "${item}" runs backwards`);
    until += 7;
  }
  for (let value = from; value <= until; value += step)
    found.add(kind === weekdayField ? value % 7 : value);
}

/** A number of a field, or the one that a name stands for. */
export function numberOf(word: string, text: string, kind: FieldKind): number {
  const named = kind.names?.[word.toLowerCase()];
  if (named !== undefined) return named;
  const value = /^\d{1,4}$/u.test(word) ? Number(word) : Number.NaN;
  if (Number.isNaN(value)) throw invalidField(text, kind, `there is no "${word}"`);
  if (value < kind.least || value > kind.most)
    throw invalidField(text, kind, `it goes from ${kind.least} to ${kind.most}`);
  return value;
}

export function invalidField(text: string, kind: FieldKind, what: string, hint?: string): AppError {
  return new AppError(
    'input/invalid',
    `The ${kind.title} "${text}" is not valid: ${what}`,
    hint === undefined ? {} : { hint },
  );
}

/** A set of numbers from 0 to 31 as a bit mask. */
export const maskOf = (numbers: readonly number[]): number =>
  numbers.reduce((mask, number) => mask | (1 << number), 0);
