import { readlink } from 'node:fs/promises';

import { messageOf } from '../../base/errors.ts';
import { offsetAt, systemTimeZone } from '../../base/time-zone.ts';
import { type EnvironmentReader, unquoted, variable } from './environment-reader.ts';

/** The time zone of schedules: `TZ`, else what `/etc/localtime` is, else UTC. */
export async function timeZoneOf(reader: EnvironmentReader): Promise<string> {
  const given = variable('TZ', reader);
  if (given !== undefined) {
    // As the C library has it, a colon may go before the name.
    const name = unquoted(given).replace(/^:/u, '');
    try {
      offsetAt(0, name);
      return name;
    } catch (error) {
      reader.warn(`TZ: ${messageOf(error)}; the time zone of the machine is used instead`);
    }
  }
  return await machineTimeZone();
}

/** A link into the database of time zones; where it is a file, what it is the same as in the database. */
async function machineTimeZone(): Promise<string> {
  try {
    const target = await readlink('/etc/localtime');
    const name = /zoneinfo\/(?:posix\/|right\/)?(.+)$/u.exec(target)?.[1];
    if (name !== undefined) {
      offsetAt(0, name);
      return name;
    }
  } catch {
    // It is a file, or not there.
  }
  const name = systemTimeZone();
  return name === '' || name === 'Etc/Unknown' ? 'UTC' : name;
}
