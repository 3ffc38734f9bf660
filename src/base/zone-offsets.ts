import { offsetAt } from './time-zone.ts';

/** A stretch of time through which the clocks of a zone are equally far ahead of UTC. Times and offset are in milliseconds. */
export interface OffsetSpan {
  readonly start: number;
  /** The first moment that is not of it. */
  readonly end: number;
  readonly offset: number;
}

const day = 86_400_000;
/** No zone has changed its clocks twice within a week since there are time zones that people plan by. */
const step = 7 * day;
/** Spans are known so far around what was asked for, so that the ends of those near it are real changes. */
const margin = 400 * day;
const chunk = 366 * day;

interface KnownSpans {
  /** Without gaps, oldest first. */
  readonly spans: OffsetSpan[];
  from: number;
  until: number;
}

const known = new Map<string, KnownSpans>();

/**
 * The span of a zone (an IANA name) in which a point in time lies. Asking the system costs some microseconds each time, so what was learnt is
 * remembered: later calls are a search in a short list. A span's end may be one that is not known yet rather than a change of the clocks: go on with
 * `spanAt(zone, end)`.
 *
 * @throws AppError `input/invalid` if there is no such zone
 */
export function spanAt(timeZone: string, time: number): OffsetSpan {
  const zone = known.get(timeZone) ?? begin(timeZone, time);
  while (time - margin < zone.from) extendBack(timeZone, zone);
  while (time + margin >= zone.until) extend(timeZone, zone);
  let low = 0;
  let high = zone.spans.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (zone.spans[middle]!.end > time) high = middle;
    else low = middle + 1;
  }
  return zone.spans[low]!;
}

const checked = new Set<string>();

/**
 * Sees to it that there is a zone of this name; what was found once costs nothing.
 *
 * @throws AppError `input/invalid` if there is none
 */
export function checkTimeZone(timeZone: string): void {
  if (checked.has(timeZone)) return;
  offsetAt(0, timeZone);
  checked.add(timeZone);
}

/**
 * The point in time at which the clocks of a zone show `wall` (what they show, as milliseconds since 1970 in UTC). A time that is shown twice means the
 * first; one that is never shown means the first moment after the gap.
 */
export function instantOfWall(timeZone: string, wall: number): number {
  const before = wall - spanAt(timeZone, wall - day).offset;
  const after = wall - spanAt(timeZone, wall + day).offset;
  if (before === after) return before;
  const first = Math.min(before, after);
  if (first + spanAt(timeZone, first).offset === wall) return first;
  const second = Math.max(before, after);
  const span = spanAt(timeZone, second);
  return second + span.offset === wall ? second : span.start;
}

function begin(timeZone: string, time: number): KnownSpans {
  const from = Math.floor((time - margin) / chunk) * chunk;
  const zone: KnownSpans = { spans: [], from, until: from };
  zone.spans.push({ start: from, end: from, offset: offsetAt(from, timeZone) });
  extend(timeZone, zone);
  known.set(timeZone, zone);
  return zone;
}

function extend(timeZone: string, zone: KnownSpans): void {
  const found = spansBetween(timeZone, zone.until, zone.until + chunk);
  zone.until += chunk;
  join(zone.spans, found);
}

function extendBack(timeZone: string, zone: KnownSpans): void {
  const found = spansBetween(timeZone, zone.from - chunk, zone.from);
  zone.from -= chunk;
  const later = zone.spans.splice(0);
  zone.spans.push(...found);
  join(zone.spans, later);
}

function join(spans: OffsetSpan[], more: readonly OffsetSpan[]): void {
  for (const span of more) {
    const last = spans.at(-1);
    if (last?.offset === span.offset) spans[spans.length - 1] = { ...last, end: span.end };
    else spans.push(span);
  }
}

function spansBetween(timeZone: string, from: number, until: number): OffsetSpan[] {
  const spans: OffsetSpan[] = [];
  let start = from;
  let offset = offsetAt(from, timeZone);
  for (let time = from; time < until; time += step) {
    const next = Math.min(time + step, until);
    const offsetThen = offsetAt(next, timeZone);
    if (offsetThen === offset) continue;
    const change = changeBetween(timeZone, time, next, offset);
    spans.push({ start, end: change, offset });
    start = change;
    offset = offsetThen;
  }
  if (start < until) spans.push({ start, end: until, offset });
  return spans;
}

/** The first second that has another offset than `offset`, which is that of `low`. */
function changeBetween(timeZone: string, low: number, high: number, offset: number): number {
  let before = low / 1000;
  let after = high / 1000;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetAt(middle * 1000, timeZone) === offset) before = middle;
    else after = middle;
  }
  return after * 1000;
}
