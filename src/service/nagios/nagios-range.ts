import { durationMilliseconds, parseDuration } from '../../base/duration.ts';
import { AppError } from '../../base/errors.ts';

/** A range of the Monitoring Plugins Development Guidelines ("Threshold and Ranges"), in seconds. */
export interface NagiosRange {
  readonly from: number;
  readonly until: number;
  /** Alert inside instead of outside. */
  readonly isInside: boolean;
  /** As it goes into performance data: numbers alone. */
  readonly text: string;
}

/**
 * Reads `10`, `10:`, `~:10`, `10:20`, `@10:20`, where each number is seconds or a duration (`26h`, `2D`): alert when the value is outside, with `@` inside.
 * Throws `input/invalid`.
 */
export function parseNagiosRange(text: string): NagiosRange {
  const [, at, first, colon, second] = /^(@?)([^:@]*)(?:(:)([^:@]*))?$/u.exec(text.trim()) ?? [];
  if (first === undefined || (first === '' && (colon === undefined || (second ?? '') === ''))) {
    throw noRange(text);
  }
  const from =
    colon === undefined || first === '' ? 0 : first === '~' ? -Infinity : seconds(first, text);
  const end = colon === undefined ? first : (second ?? '');
  const until = end === '' ? Infinity : seconds(end, text);
  if (from > until) throw noRange(text);
  const shown = (value: number): string =>
    value === -Infinity ? '~' : value === Infinity ? '' : String(value);
  const isInside = at === '@';
  const range = from === 0 && until !== Infinity ? shown(until) : `${shown(from)}:${shown(until)}`;
  return { from, until, isInside, text: `${isInside ? '@' : ''}${range}` };
}

/** Whether a value, which may be infinite, is to be alerted of. */
export function isAlert({ from, until, isInside }: NagiosRange, value: number): boolean {
  const inside = value >= from && value <= until && value !== Infinity;
  return inside === isInside;
}

function seconds(text: string, whole: string): number {
  if (/^\d+(?:\.\d+)?$/u.test(text)) return Number(text);
  try {
    return durationMilliseconds(parseDuration(text)) / 1000;
  } catch {
    throw noRange(whole); // the sentence is about the range as a whole
  }
}

const noRange = (text: string): AppError =>
  new AppError('input/invalid', `"${text}" is no range of ages`, {
    hint: 'Write 26h (alert when older), 1h: (when younger), 1h:26h, or @26h:30h, in seconds or with a unit',
  });
