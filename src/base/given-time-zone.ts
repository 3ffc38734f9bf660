import { realpathSync } from 'node:fs';

import { isTimeZone, systemTimeZone } from './time-zone.ts';

/**
 * The zone that a `TZ` means, which is not empty: a name, a distance from UTC, or a file of the table of zones, as in `:/etc/localtime`, which many machines have. A colon may go before name
 * and file. Undefined if it is none that is known here, also for summer time by rules (`CET-1CEST,M3.5.0,M10.5.0/3`).
 */
export function givenTimeZone(given: string): string | undefined {
  const fixed = fixedTimeZone(given);
  if (fixed !== undefined) return fixed;
  const name = given.replace(/^:/u, '');
  if (name.startsWith('/')) return timeZoneOfFile(name);
  return isTimeZone(name) ? name : undefined;
}

/** By whose clocks this machine goes, whatever `TZ` says; what the runtime finds out where `/etc/localtime` is no link. */
export function machineTimeZone(): string {
  return timeZoneOfFile('/etc/localtime') ?? systemTimeZone();
}

/** The name of the zone whose table lies at a path, or where links from there lead to. */
function timeZoneOfFile(path: string): string | undefined {
  let file: string;
  try {
    file = realpathSync(path);
  } catch {
    // Containers often have none.
    return undefined;
  }
  const name = /\/zoneinfo\/(?:posix\/|right\/)?(.+)$/u.exec(file)?.[1];
  return name !== undefined && isTimeZone(name) ? name : undefined;
}

/**
 * The zone of a `TZ` that is a distance from UTC (POSIX, 8.3), as in containers without tables of zones: `EST5`, `<+0530>-5:30`, whose signs are the other way round.
 * The runtime knows none of them. Undefined for any other, also with summer time.
 */
function fixedTimeZone(given: string): string | undefined {
  const parts =
    /^(?:[a-z]{3,}|<[a-z0-9+-]{3,}>)(?<sign>[+-]?)(?<hours>\d{1,2})(?::(?<minutes>[0-5]\d))?$/iu.exec(
      given,
    )?.groups;
  if (parts === undefined || Number(parts['hours']) > 23) return undefined;
  const distance = `${parts['hours']!.padStart(2, '0')}:${parts['minutes'] ?? '00'}`;
  return distance === '00:00' ? 'UTC' : `${parts['sign'] === '-' ? '+' : '-'}${distance}`;
}
