import { AppError } from './errors.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/**
 * Reads a size in bytes: `500`, `10k`, `1.5GiB`, `500M`. Every unit counts in steps of 1024, upper or lower case, with or without
 * `B` or `iB`. Throws `input/invalid`.
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgtpe])(?:i?b)?|b)?$/iu.exec(text.trim());
  if (match === null) {
    throw new AppError('input/invalid', `"${text}" is not a size`, {
      hint: 'Write a number with a unit, such as 500M or 1.5GiB',
    });
  }
  const power = match[2] === undefined ? 0 : 'kmgtpe'.indexOf(match[2].toLowerCase()) + 1;
  const size = Math.round(Number(match[1]) * 1024 ** power);
  if (!Number.isSafeInteger(size)) throw new AppError('input/invalid', `"${text}" is too large`);
  return size;
}

/** A size for people: `0 B`, `1.5 GiB`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1023.95 would be printed as "1024.0".
  while (Math.abs(value) >= (unit === 0 ? 1024 : 1023.95) && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A rate for people: `12.3 MiB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

/** A count for people: `1,234,567`. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/gu, ',');
}

/** How much of something is meant: a percentage, one part of several equal ones, or about so many bytes. */
export type Portion =
  | { readonly kind: 'percent'; readonly percent: number }
  | { readonly kind: 'part'; readonly part: number; readonly of: number }
  | { readonly kind: 'bytes'; readonly bytes: number };

/** Reads `10%`, `1/7` or `500M`. Throws `input/invalid`. */
export function parsePortion(text: string): Portion {
  const percent = /^(\d+(?:\.\d+)?)%$/u.exec(text);
  if (percent !== null && Number(percent[1]) > 0 && Number(percent[1]) <= 100) {
    return { kind: 'percent', percent: Number(percent[1]) };
  }
  const part = /^(\d{1,9})\/(\d{1,9})$/u.exec(text);
  if (part !== null && Number(part[1]) >= 1 && Number(part[1]) <= Number(part[2])) {
    return { kind: 'part', part: Number(part[1]), of: Number(part[2]) };
  }
  if (percent !== null || part !== null || !/^\d/u.test(text)) {
    throw new AppError('input/invalid', `"${text}" is not a portion`, {
      hint: 'Write a percentage (10%), a part (1/7) or a size (500M)',
    });
  }
  return { kind: 'bytes', bytes: parseSize(text) };
}
