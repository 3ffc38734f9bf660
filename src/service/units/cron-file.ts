import { AppError, hasCode } from '../../base/errors.ts';
import { type ScheduledEntry, scheduledEntries } from '../../configuration/periodicities.ts';
import type { Configuration } from '../../model/configuration.ts';
import { jitterKey, stableFraction } from '../../model/schedule/jitter.ts';
import { crontabFields } from './crontab-text.ts';
import { jobRunCommand, type OwnCommand } from './own-command.ts';

export interface CronFileSettings extends OwnCommand {
  readonly configuration: Configuration;
  /** Whom the commands run as. */
  readonly user: string;
  /** What schedules without a zone mean. */
  readonly timeZone: string;
  /** By whose clocks cron goes. */
  readonly systemTimeZone: string;
  /** Cron understands `CRON_TZ` (cronie does; Debian's cron and busybox do not). */
  readonly knowsTimeZones: boolean;
  /** Jitter is reckoned from it, as by the server. */
  readonly host: string;
  /** Variables for the commands. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The first line; a file that has it may be overwritten and removed. */
export const cronMark =
  '# Made by "holdfast cron"; changes are lost, because it is written as a whole each time.';

/** Debian's cron reads lines of so many characters. */
const longestLine = 990;

/**
 * A file for `/etc/cron.d` that runs every enabled job when its schedules say so.
 *
 * @throws AppError `input/invalid` naming the job whose schedule cron cannot keep
 */
export function cronFile(settings: CronFileSettings): string {
  const { entries, problems } = scheduledEntries(settings.configuration, settings.timeZone);
  if (problems[0] !== undefined) throw problems[0];
  const lines = [
    cronMark,
    '# What is missed while the machine is off is not made up for, as the server or a timer of systemd would.',
    'SHELL=/bin/sh',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...Object.entries(settings.environment).map(
      ([name, value]) => `${name}="${plainValue(name, value)}"`,
    ),
  ];
  // A zone counts for all lines after it, so those without one go first.
  const zoned = Map.groupBy(entries, (entry) => zoneOf(entry, settings));
  for (const entry of zoned.get('') ?? []) lines.push(cronLine(entry, settings));
  for (const [zone, members] of zoned)
    if (zone !== '')
      lines.push(`CRON_TZ=${zone}`, ...members.map((entry) => cronLine(entry, settings)));
  return `${lines.join('\n')}\n`;
}

function cronLine({ schedule, job, activity }: ScheduledEntry, settings: CronFileSettings): string {
  const { expression, blackout, minimumGap, jitter } = schedule;
  if (expression === undefined) throw new TypeError('Nothing is scheduled');
  if (blackout.length > 0) throw inexpressible(job.name, 'cron keeps no blackout windows');
  if (minimumGap > 0) throw inexpressible(job.name, 'cron keeps no minimum gap');
  if (expression.kind === 'interval')
    throw inexpressible(
      job.name,
      `cron cannot say "${expression.text}"`,
      'Write times instead, such as 0 */6 * * *',
    );
  let fields: string;
  try {
    fields = crontabFields(expression.rule);
  } catch (error) {
    if (!hasCode(error, 'input/invalid')) throw error;
    throw inexpressible(job.name, error.message);
  }
  const late = Math.floor((stableFraction(jitterKey(settings.host, job.name)) * jitter) / 1000);
  const command = jobRunCommand(settings, job, activity).map(shellWord).join(' ');
  // Cron takes a bare percent sign for the end of the line.
  const escaped = `${late > 0 ? `sleep ${late}; ` : ''}${command}`.replaceAll('%', '\\%');
  const line = `${fields} ${settings.user} ${escaped}`;
  if (line.length > longestLine)
    throw inexpressible(job.name, 'the line would be too long for cron');
  return line;
}

/** `''` if cron goes by the clocks of that zone anyway. */
function zoneOf({ schedule, job }: ScheduledEntry, settings: CronFileSettings): string {
  const { expression } = schedule;
  const own = expression?.kind === 'calendar' ? expression.timeZone : undefined;
  const zone = own ?? schedule.timeZone;
  if (canonical(zone) === canonical(settings.systemTimeZone)) return '';
  if (settings.knowsTimeZones) return zone;
  throw inexpressible(
    job.name,
    `it goes by the clocks of ${zone}, and cron by those of ${settings.systemTimeZone}`,
    'If cron here is cronie, add --cron-tz; otherwise change the time zone of the machine or of the job',
  );
}

/** Some zones have several names. */
const canonical = (timeZone: string): string =>
  new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone;

function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/u.test(word)) return word;
  if (/\p{Cc}/u.test(word))
    throw new AppError('input/invalid', `A line of cron cannot name ${JSON.stringify(word)}`);
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function plainValue(name: string, value: string): string {
  if (!/["\p{Cc}]/u.test(value)) return value;
  throw new AppError(
    'input/invalid',
    `A file of cron cannot set ${name} to ${JSON.stringify(value)}`,
  );
}

function inexpressible(job: string, reason: string, hint?: string): AppError {
  return new AppError(
    'input/invalid',
    `The schedule of the job "${job}" cannot be kept by cron: ${reason}`,
    {
      hint: hint ?? 'Let the server or a timer of systemd run it: holdfast systemd install',
    },
  );
}
