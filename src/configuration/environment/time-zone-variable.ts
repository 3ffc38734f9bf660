import { givenTimeZone, machineTimeZone } from '../../base/given-time-zone.ts';
import { type EnvironmentReader, unquoted, variable } from './environment-reader.ts';

/** The time zone of schedules: `TZ`, else what `/etc/localtime` is, else UTC. */
export function timeZoneOf(reader: EnvironmentReader): string {
  const given = variable('TZ', reader);
  if (given !== undefined) {
    const zone = givenTimeZone(unquoted(given));
    if (zone !== undefined) return zone;
    reader.warn(
      `TZ: There is no time zone "${unquoted(given)}"; the time zone of the machine is used instead`,
    );
  }
  return machineTimeZone();
}
