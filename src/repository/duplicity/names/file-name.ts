/**
 * The names of duplicity's files (docs/formats/duplicity.md 2): what a name says, and the name of a file to be written.
 */
import { AppError } from '../../../base/errors.ts';
import type { Coding } from '../encryption/file-coding.ts';
import {
  formatCompactTime,
  formatLocalTime,
  type NameStyle,
  parseBase36,
  parseFileTime,
} from './file-time.ts';

/** What kind of file of a set it is; statistics are the `jsonstat` files of duplicity 2.1 and later. */
export type ArchiveFileKind = 'volume' | 'manifest' | 'signatures' | 'statistics';

export type SetType = 'full' | 'incremental';

/** What a name says of a file. Times are seconds since 1970. */
export interface ArchiveFileName {
  readonly kind: ArchiveFileKind;
  readonly set: SetType;
  /** Time of the set that an incremental one builds upon; `undefined` for a full one. */
  readonly start: number | undefined;
  /** Time of the set itself. */
  readonly end: number;
  /** From 1; only volumes have one. */
  readonly volume: number | undefined;
  readonly coding: Coding;
  /** A file of an unfinished run; only in an archive directory, and never a volume. */
  readonly partial: boolean;
}

/** All are empty, `standard` and ":" unless given. */
export interface FileNamingSettings {
  /** Before every name; the kind's own prefix follows. */
  readonly prefix?: string;
  readonly volumePrefix?: string;
  readonly manifestPrefix?: string;
  readonly signaturePrefix?: string;
  readonly statisticsPrefix?: string;
  /** How new names are written; every style is read. */
  readonly style?: NameStyle;
  /** Between hours, minutes and seconds of the `old` style. */
  readonly timeSeparator?: string;
}

interface Pattern {
  readonly kind: ArchiveFileKind;
  readonly set: SetType;
  readonly short: boolean;
  /** Applied to the name without its prefix: `time` or `start` and `end`, `volume`, `part`. */
  readonly expression: RegExp;
}

/** In the order in which duplicity tries them. Anchored at the start only: what follows the part that counts is ignored. */
const patterns: readonly Pattern[] = (['full', 'incremental'] as const)
  .flatMap((set) => [
    short('volume', set, set === 'full' ? 'df' : 'di', String.raw`\.(?<volume>[0-9a-z]+)\.dt`),
    short('manifest', set, set === 'full' ? 'df' : 'di', String.raw`\.m(?<part>\.p)?`),
    long('volume', set, dataName(set), String.raw`\.vol(?<volume>[0-9]+)\.difftar`),
    long('manifest', set, dataName(set), String.raw`\.manifest(?<part>\.part)?`),
  ])
  .concat(
    (['full', 'incremental'] as const).flatMap((set) => [
      short('signatures', set, set === 'full' ? 'dfs' : 'dns', String.raw`\.st(?<part>\.p)?`),
      long(
        'signatures',
        set,
        set === 'full' ? 'duplicity-full-signatures' : 'duplicity-new-signatures',
        String.raw`\.sigtar(?<part>\.part)?`,
      ),
    ]),
    (['full', 'incremental'] as const).map((set) =>
      long('statistics', set, dataName(set), String.raw`\.jsonstat(?<part>\.part)?`),
    ),
  );

function dataName(set: SetType): string {
  return set === 'full' ? 'duplicity-full' : 'duplicity-inc';
}

function short(kind: ArchiveFileKind, set: SetType, start: string, rest: string): Pattern {
  const times =
    set === 'full'
      ? String.raw`\.(?<end>[0-9a-z]+?)`
      : String.raw`\.(?<start>[0-9a-z]+?)\.(?<end>[0-9a-z]+?)`;
  return {
    kind,
    set,
    short: true,
    expression: new RegExp(String.raw`^${start}${times}${rest}(?:$|\.)`, 'u'),
  };
}

function long(kind: ArchiveFileKind, set: SetType, start: string, rest: string): Pattern {
  const times =
    set === 'full'
      ? String.raw`\.(?<end>[^\n]*?)`
      : String.raw`\.(?<start>[^\n]*?)\.to\.(?<end>[^\n]*?)`;
  return {
    kind,
    set,
    short: false,
    expression: new RegExp(String.raw`^${start}${times}${rest}(?:$|\.)`, 'u'),
  };
}

/** Whether nothing but its suffix follows what says the kind: so duplicity names files itself, while others parse as well. */
export function isExactName(name: string): boolean {
  return /\.(?:difftar|dt|manifest|m|sigtar|st|jsonstat)(?:\.part|\.p)?(?:\.gz|\.z|\.gpg|\.g)?$/u.test(
    name,
  );
}

/** What stands before the name of a volume, manifest or signature file that would be one of duplicity's without it; `undefined` if nothing does. Short names are not looked for. */
export function prefixBefore(name: string): string | undefined {
  const start = name.search(/duplicity-(?:full|inc|new)/u);
  if (start <= 0) return undefined;
  const prefix = name.slice(0, start);
  return new FileNaming({ prefix }).parse(name) && prefix;
}

/** Longer than any name duplicity writes; keeps the time to match one bounded. */
const mostCharacters = 2048;

/** Reads and makes file names for one set of prefixes. */
export class FileNaming {
  /** What every name starts with, whatever its kind: enough to list by. */
  readonly prefix: string;
  readonly style: NameStyle;
  readonly #prefixes: Readonly<Record<ArchiveFileKind, string>>;
  readonly #timeSeparator: string;

  constructor({
    prefix = '',
    volumePrefix = '',
    manifestPrefix = '',
    signaturePrefix = '',
    statisticsPrefix = '',
    style = 'standard',
    timeSeparator = ':',
  }: FileNamingSettings = {}) {
    this.prefix = prefix;
    this.style = style;
    this.#prefixes = {
      volume: prefix + volumePrefix,
      manifest: prefix + manifestPrefix,
      signatures: prefix + signaturePrefix,
      statistics: prefix + statisticsPrefix,
    };
    this.#timeSeparator = timeSeparator;
  }

  /**
   * What a name says, or `undefined` when it is none of duplicity's (docs/formats/duplicity.md 2.1). Files that lie beside an
   * archive's own (`*.par2`) are none, nor is anything in a sub-directory.
   */
  parse(name: string): ArchiveFileName | undefined {
    if (name.length > mostCharacters || name.includes('/') || name.endsWith('.par2')) {
      return undefined;
    }
    for (const pattern of patterns) {
      const prefix = this.#prefixes[pattern.kind];
      if (!name.startsWith(prefix)) continue;
      const match = pattern.expression.exec(name.slice(prefix.length));
      const file = match?.groups && this.#read(name, pattern, match.groups);
      if (file !== undefined) return file;
    }
    return undefined;
  }

  /**
   * The name of a file.
   *
   * @throws AppError `input/invalid` for a time that a name cannot hold: before 1970 or after 2099
   */
  make(file: ArchiveFileName): string {
    const { kind, set, start, end, coding } = file;
    const style = kind === 'statistics' && this.style === 'short' ? 'standard' : this.style;
    const times = (start === undefined ? [end] : [start, end]).map((time) =>
      this.#formatTime(time, style),
    );
    const head = this.#prefixes[kind] + firstPart(kind, set, style);
    const tail = lastPart(file, style) + suffixOf(coding, style);
    return `${head}.${times.join(style === 'short' ? '.' : '.to.')}.${tail}`;
  }

  /**
   * Refuses prefixes that the real program would misread, because it uses them as part of a regular expression: what is written
   * with them might be invisible to it (docs/formats/duplicity.md 2). A dot, as in names of hosts, also stands for itself there.
   *
   * @throws AppError `input/invalid`
   */
  checkForWriting(): void {
    for (const prefix of Object.values(this.#prefixes)) {
      if (!/[*+()[\]\\^$|?{}/]/u.test(prefix)) continue;
      throw new AppError(
        'input/invalid',
        `The file name prefix "${prefix}" holds a character that duplicity does not take literally`,
        { hint: 'Use letters, digits, "-", "_" and "." in prefixes' },
      );
    }
  }

  #read(
    name: string,
    pattern: Pattern,
    groups: Readonly<Record<string, string | undefined>>,
  ): ArchiveFileName | undefined {
    const end = this.#parseTime(groups['end'] ?? '', pattern);
    const start =
      groups['start'] === undefined ? undefined : this.#parseTime(groups['start'], pattern);
    if (end === undefined) return undefined;
    if (pattern.set === 'incremental' && start === undefined) return undefined;
    let volume: number | undefined;
    if (pattern.kind === 'volume') {
      const text = groups['volume'] ?? '';
      volume = pattern.short ? parseBase36(text) : Number(text);
      if (volume === undefined || volume < 1 || !Number.isSafeInteger(volume)) return undefined;
    }
    return {
      kind: pattern.kind,
      set: pattern.set,
      start,
      end,
      volume,
      coding: codingOf(name),
      partial: groups['part'] !== undefined,
    };
  }

  #parseTime(text: string, { short: isShort }: Pattern): number | undefined {
    if (!isShort) return parseFileTime(text, this.#timeSeparator);
    const time = parseBase36(text);
    return time === 0 ? undefined : time;
  }

  #formatTime(time: number, style: NameStyle): string {
    if (!Number.isSafeInteger(time) || time <= 0 || time >= Date.UTC(2099, 11, 31) / 1000) {
      throw new AppError('input/invalid', `No file name of duplicity can hold the time ${time}`);
    }
    if (style === 'short') return time.toString(36);
    return style === 'old' ? formatLocalTime(time, this.#timeSeparator) : formatCompactTime(time);
  }
}

/** Only the end of a name says how a file is encoded; what has neither ending is as it is. */
function codingOf(name: string): Coding {
  if (name.endsWith('.gpg') || name.endsWith('.g')) return 'openpgp';
  return name.endsWith('gz') || name.endsWith('.z') ? 'gzip' : 'plain';
}

function suffixOf(coding: Coding, style: NameStyle): string {
  if (coding === 'plain') return '';
  if (coding === 'openpgp') return style === 'short' ? '.g' : '.gpg';
  return style === 'short' ? '.z' : '.gz';
}

function firstPart(kind: ArchiveFileKind, set: SetType, style: NameStyle): string {
  if (kind !== 'signatures') {
    if (style !== 'short') return dataName(set);
    return set === 'full' ? 'df' : 'di';
  }
  if (style === 'short') return set === 'full' ? 'dfs' : 'dns';
  return set === 'full' ? 'duplicity-full-signatures' : 'duplicity-new-signatures';
}

function lastPart({ kind, volume = 0, partial }: ArchiveFileName, style: NameStyle): string {
  const part = !partial ? '' : style === 'short' ? '.p' : '.part';
  switch (kind) {
    case 'volume':
      return style === 'short' ? `${volume.toString(36)}.dt` : `vol${volume}.difftar`;
    case 'manifest':
      return (style === 'short' ? 'm' : 'manifest') + part;
    case 'signatures':
      return (style === 'short' ? 'st' : 'sigtar') + part;
    case 'statistics':
      return `jsonstat${part}`;
  }
}
