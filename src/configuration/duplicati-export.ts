import { parseDuration, durationMilliseconds } from '../base/duration.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { Configuration } from '../model/configuration.ts';
import { parseConfiguration } from './configuration-schema.ts';
import { duplicatiRules } from './duplicati-filters.ts';

/** A job of Duplicati as one of ours, and what could not be taken over, a sentence each. */
export interface DuplicatiImport {
  readonly configuration: Configuration;
  readonly warnings: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Whether a text is what Duplicati exports: JSON with `Backup` in it, or that encrypted. */
export function isDuplicatiExport(text: string): boolean {
  if (text.startsWith('AES')) return true;
  if (!text.includes('"Backup"')) return false;
  return objectIn(jsonOf(text), 'Backup') !== undefined;
}

/**
 * Reads the export of a job of Duplicati (JSON, `Backup` and `Schedule`). Its archive stays as it is: the job makes a repository of its own in the folder `holdfast`
 * beside it.
 *
 * @throws AppError `input/invalid`
 */
export function readDuplicatiExport(text: string): DuplicatiImport {
  if (text.startsWith('AES')) {
    throw new AppError('input/invalid', 'The export of Duplicati is encrypted', {
      hint: 'Export the job again without encryption, and delete the file afterwards',
    });
  }
  const whole = jsonOf(text);
  const backup = objectIn(whole, 'Backup');
  if (backup === undefined) throw new AppError('input/invalid', 'This is no export of Duplicati');
  const warnings: string[] = [];
  const settings = new Map(
    listIn(backup, 'Settings').map((one) => [
      textIn(one, 'Name').replace(/^--/u, '').toLowerCase(),
      textIn(one, 'Value'),
    ]),
  );
  const name = nameOf(textIn(backup, 'Name'));
  const job = {
    description: textIn(backup, 'Description') || `From Duplicati: ${textIn(backup, 'Name')}`,
    sources: sourcesOf(backup, warnings),
    destination: destinationOf(backup, settings, warnings),
    ...filtersOf(backup, settings),
    ...retentionOf(settings),
    ...scheduleOf(objectIn(whole, 'Schedule'), warnings),
    ...limitsOf(settings),
  };
  for (const [option] of settings) {
    if (!known.has(option)) warnings.push(`The option "${option}" is not taken over`);
  }
  return { configuration: parseConfiguration({ jobs: { [name]: job } }), warnings };
}

/** Options that are taken over, or mean nothing here. */
const known = new Set([
  'passphrase',
  'no-encryption',
  'encryption-module',
  'compression-module',
  'dblock-size',
  'keep-versions',
  'keep-time',
  'retention-policy',
  'throttle-upload',
  'throttle-download',
  'skip-files-larger-than',
  'disable-module',
]);

function sourcesOf(backup: Fields, warnings: string[]): string[] {
  const sources = backup['Sources'];
  const texts = Array.isArray(sources)
    ? sources.filter((source): source is string => typeof source === 'string')
    : [];
  const absolute = texts.filter((source) => source.startsWith('/'));
  for (const source of texts) {
    if (!source.startsWith('/'))
      warnings.push(`The source "${source}" is not taken over: write its path`);
  }
  return absolute.map((source) => (source === '/' ? source : source.replace(/\/+$/u, '')));
}

function destinationOf(
  backup: Fields,
  settings: ReadonlyMap<string, string>,
  warnings: string[],
): unknown {
  const url = textIn(backup, 'TargetURL');
  const [, scheme = '', login = '', place = url, query = ''] =
    /^([^/?]*:\/\/)?([^/?]*@)?([^?]*)(\?.*)?$/su.exec(url) ?? [];
  warnings.push(
    'The archive of Duplicati stays as it is; the job begins a repository of its own in its folder "holdfast"',
  );
  const passphrase = settings.get('passphrase') ?? '';
  const isOpen =
    isOn(settings.get('no-encryption')) ||
    (settings.has('encryption-module') && settings.get('encryption-module') === '');
  return {
    url: `${scheme}${percentEncoded(login)}${place.replace(/\/+$/u, '')}/holdfast${percentEncoded(query)}`,
    ...(isOpen ? { unencrypted: true } : passphrase === '' ? {} : { passphrase }),
  };
}

/** Logins and options are written as in forms there: a space as `+`, a character of two bytes as `%uc3a4`. */
function percentEncoded(text: string): string {
  return text.replaceAll('+', '%20').replaceAll(/%u([0-9a-f]{2})([0-9a-f]{2})/giu, '%$1%$2');
}

function filtersOf(backup: Fields, settings: ReadonlyMap<string, string>): Fields {
  const filters = listIn(backup, 'Filters').toSorted(
    (a, b) => Number(a['Order'] ?? 0) - Number(b['Order'] ?? 0),
  );
  const rules = filters
    .map((filter) => {
      const isIncluded = filter['Include'] === true;
      return duplicatiRules(textIn(filter, 'Expression')).map(
        (rule) => `${isIncluded ? '+' : '-'} ${rule}`,
      );
    })
    // There the first that fits counts, here the last.
    .toReversed()
    .flat();
  // What no filter names is taken there if one of them excludes; here if the first one does.
  if (filters.some((filter) => filter['Include'] !== true)) rules.unshift('- re:^$');
  const largest = sizeOf(settings.get('skip-files-larger-than'), 'M');
  return rules.length === 0 && largest === undefined
    ? {}
    : {
        filters: {
          ...(rules.length > 0 && { rules }),
          ...(largest !== undefined && { excludeLargerThan: largest }),
        },
      };
}

function retentionOf(settings: ReadonlyMap<string, string>): Fields {
  const versions = Number(settings.get('keep-versions') ?? 0);
  const time = settings.get('keep-time') ?? '';
  const policy = settings.get('retention-policy') ?? '';
  if (versions <= 0 && time === '' && policy === '') return {};
  return {
    retention: {
      ...(versions > 0 && { keepLast: versions }),
      ...(time !== '' && { keepWithin: time.toLowerCase() }),
      ...(policy !== '' && { policy }),
    },
  };
}

const limitsOf = (settings: ReadonlyMap<string, string>): Fields => {
  const limits = [
    ['limitUpload', sizeOf(settings.get('throttle-upload'), 'K')],
    ['limitDownload', sizeOf(settings.get('throttle-download'), 'K')],
  ].filter(([, size]) => size !== undefined);
  return limits.length === 0 ? {} : { resources: Object.fromEntries(limits) as Fields };
};

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** Its times are those of UTC. */
function scheduleOf(schedule: Fields | undefined, warnings: string[]): Fields {
  const repeat = textIn(schedule ?? {}, 'Repeat');
  const time = new Date(textIn(schedule ?? {}, 'Time'));
  if (schedule === undefined || repeat === '' || Number.isNaN(time.getTime())) return {};
  const allowed = Array.isArray(schedule['AllowedDays'])
    ? schedule['AllowedDays'].filter((day): day is string => days.includes(String(day)))
    : [];
  const weekdays = allowed.length === 0 || allowed.length === 7 ? '*' : allowed.join(',');
  const clock = `${time.getUTCMinutes()} ${time.getUTCHours()}`;
  const at = (when: string): Fields => ({ schedule: { when, timeZone: 'UTC' } });
  switch (repeat.toUpperCase()) {
    case '1D':
    case '24H':
      return at(`${clock} * * ${weekdays}`);
    case '1W':
    case '7D':
      return at(`${clock} * * ${days[time.getUTCDay()]}`);
    case '1M': {
      const date = time.getUTCDate();
      if (date > 28)
        warnings.push(
          `Not every month has a day ${date}: the schedule goes by the last day of each month`,
        );
      return at(`${clock} ${date > 28 ? 'L' : date} * *`);
    }
    default: {
      if (weekdays !== '*')
        warnings.push('The days of the week of the schedule are not taken over');
      const span = durationMilliseconds(parseDuration(repeat));
      return { schedule: { when: `@every ${Math.max(1, Math.round(span / 60_000))}m` } };
    }
  }
}

/** `50mb` and `10 KB/s` as we write sizes. A number alone has a unit of its own for each option there, and 0 is no limit: then `undefined`. */
function sizeOf(text: string | undefined, unit: 'K' | 'M'): string | undefined {
  const plain = (text ?? '').replaceAll(/\s|\/s$/giu, '');
  if (plain === '' || /^0+(?:\.0*)?[kmgt]?b?$/iu.test(plain)) return undefined;
  if (/\d$/u.test(plain)) return `${plain}${unit}`;
  return plain.replace(/b$/iu, '').toUpperCase();
}

const isOn = (text: string | undefined): boolean => /^(?:true|1|yes|on)$/iu.test(text ?? '');

const nameOf = (text: string): string => {
  const name = text
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9._-]+/gu, '-')
    .replaceAll(/^[^A-Za-z0-9]+|-+$/gu, '');
  return name === '' ? 'duplicati' : name.slice(0, 100);
};

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\u{feff}/u, '')) as unknown;
  } catch (cause) {
    if (text.trimStart().startsWith('{')) return undefined;
    throw new AppError('input/invalid', `This is no JSON: ${messageOf(cause)}`, { cause });
  }
}

function objectIn(value: unknown, key: string): Fields | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const inner = (value as Fields)[key];
  return typeof inner === 'object' && inner !== null && !Array.isArray(inner)
    ? (inner as Fields)
    : undefined;
}

function listIn(value: Fields, key: string): Fields[] {
  const inner = value[key];
  return Array.isArray(inner)
    ? inner.filter((one): one is Fields => typeof one === 'object' && one !== null)
    : [];
}

function textIn(value: Fields, key: string): string {
  const text = value[key];
  return typeof text === 'string' ? text : '';
}
