/** Reads manifests (docs/formats/duplicity.md 3) of any length, a piece at a time. */
import { asBuffer, concatBytes, utf8 } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import type { ChangedFile, Manifest, ManifestVolume } from './manifest.ts';
import { isSpace, unquoted } from './quoting.ts';
import { VolumeSection } from './volume-section.ts';

export interface ParseManifestOptions {
  /** The file, for errors. */
  readonly name: string;
  /** Keep the list of files; without it only its length is checked. */
  readonly files?: boolean;
  /** Called for each file of the list instead, in order. */
  readonly onFile?: (file: ChangedFile) => void;
  /**
   * The manifest of a run that has not ended: it may hold no volume, and a section at its end that was cut is left out.
   */
  readonly unfinished?: boolean;
}

const longestLine = 1024 * 1024;
const mostVolumes = 1_000_000;
const mostOtherLines = 1000;
const linefeed = 0x0a;
const space = 0x20;
const quote = 0x22;

/**
 * A manifest in one piece.
 *
 * @throws AppError `repository/damaged` naming the file and the line
 */
export function parseManifest(bytes: Uint8Array, options: ParseManifestOptions): Manifest {
  const parser = new ManifestParser(options);
  parser.update(bytes);
  return parser.finish();
}

/** Takes the bytes of a manifest as they come; what it keeps does not grow with the list of files unless that is asked for. */
export class ManifestParser {
  readonly #options: ParseManifestOptions;
  readonly #volumes = new Map<number, ManifestVolume>();
  readonly #otherLines: Uint8Array[] = [];
  readonly #problems: string[] = [];
  readonly #files: ChangedFile[] = [];
  /** Sections that lack something; an interrupted run leaves one, and the run that resumes it repeats it. */
  readonly #cut = new Map<number, AppError>();
  #rest: Uint8Array[] = [];
  #restLength = 0;
  #line = 0;
  #hostname: string | undefined;
  #sourcePath: Uint8Array | undefined;
  #section: VolumeSection | undefined;
  #sections = 0;
  #lastNumber = 0;
  /** Of the first list of files, as duplicity looks at it alone. */
  #listed: { readonly count: number; readonly line: number; found: number } | undefined;
  /** Whether no volume comes behind it. */
  #isListLast = false;
  #inList = false;

  constructor(options: ParseManifestOptions) {
    this.#options = options;
  }

  /** @throws AppError `repository/damaged` */
  update(bytes: Uint8Array): void {
    let start = 0;
    for (;;) {
      start = this.#passFiles(bytes, start);
      const end = bytes.indexOf(linefeed, start);
      if (end === -1) break;
      this.#takeLine(this.#whole(bytes.subarray(start, end)));
      start = end + 1;
    }
    if (start === bytes.length) return;
    this.#rest.push(bytes.slice(start));
    this.#restLength += bytes.length - start;
    this.#checkLength(this.#restLength);
  }

  /** @throws AppError `repository/damaged` */
  finish(): Manifest {
    const { unfinished = false } = this.#options;
    const cut = this.#restLength > 0;
    if (cut && !unfinished) {
      this.#takeLine(this.#whole(new Uint8Array()));
    }
    // Lines of a section are indented: what begins at the margin no longer belongs to it.
    const isCutInSection = cut && isSpace(this.#rest[0]?.[0] ?? 0);
    this.#endSection(unfinished ? { cut: isCutInSection } : undefined);
    this.#dropLost();
    if (this.#volumes.size === 0 && !unfinished) throw this.#damaged('it lists no volume');
    const volumes = Array.from(this.#volumes.values()).toSorted((a, b) => a.number - b.number);
    this.#checkNumbers(volumes);
    if (!unfinished) this.#checkList(cut);
    const keepsFiles = this.#options.files === true && this.#listed !== undefined;
    return {
      hostname: this.#hostname,
      sourcePath: this.#sourcePath,
      volumes,
      files: keepsFiles ? this.#files : undefined,
      isListWhole: this.#isListLast && this.#listed?.found === this.#listed?.count,
      otherLines: this.#otherLines,
      problems: this.#problems,
    };
  }

  /** Passes over files of the list that nobody wants: there may be millions. Gives where the first line begins that has to be looked at more closely. */
  #passFiles(bytes: Uint8Array, start: number): number {
    const listed = this.#listed;
    const { files, onFile } = this.#options;
    const isWanted = files === true || onFile !== undefined;
    if (!this.#inList || listed === undefined || isWanted || this.#restLength > 0) return start;
    let at = start;
    while (listed.found < listed.count) {
      const path = plainPathStart(bytes, at);
      const end = path === undefined ? -1 : bytes.indexOf(linefeed, path);
      if (end === -1 || end - at > longestLine) break;
      listed.found++;
      this.#line++;
      at = end + 1;
    }
    return at;
  }

  #whole(end: Uint8Array): Uint8Array {
    this.#checkLength(this.#restLength + end.length);
    if (this.#restLength === 0) return end;
    const line = concatBytes(...this.#rest, end);
    this.#rest = [];
    this.#restLength = 0;
    return line;
  }

  #checkLength(length: number): void {
    if (length <= longestLine) return;
    this.#line++;
    throw this.#damaged('the line is too long');
  }

  #takeLine(line: Uint8Array): void {
    this.#line++;
    const keyword = keywordAtStart(line);
    if (keyword === 'volume') {
      this.#endSection(undefined);
      this.#inList = false;
      this.#isListLast = false;
      if (++this.#sections > mostVolumes) throw this.#damaged('it lists too many volumes');
      this.#section = VolumeSection.begin(line, (what) => this.#damaged(what));
      return;
    }
    if (this.#takeFile(line)) return;
    if (this.#takeHeader(keyword, line)) return;
    if (this.#section !== undefined) this.#section.take(line);
    else if (line.length > 0 && this.#otherLines.length < mostOtherLines) {
      this.#otherLines.push(line.slice());
    }
  }

  #takeHeader(keyword: string, line: Uint8Array): boolean {
    if (keyword === 'hostname') {
      this.#hostname ??= asBuffer(this.#value(line, keyword)).toString('utf8');
    } else if (keyword === 'localdir') {
      this.#sourcePath ??= this.#value(line, keyword).slice();
    } else if (keyword === 'filelist') {
      const text = asBuffer(line).toString('latin1', 'filelist '.length);
      if (!/^[0-9]{1,15}$/u.test(text)) {
        this.#problems.push(`Line ${this.#line}: the number of changed files is not readable`);
      } else if (this.#listed === undefined) {
        this.#listed = { count: Number(text), line: this.#line, found: 0 };
        this.#inList = true;
        this.#isListLast = true;
      }
    } else {
      return false;
    }
    return true;
  }

  /** A keyword's value, without its quotation. */
  #value(line: Uint8Array, keyword: string): Uint8Array {
    const value = unquoted(line.subarray(keyword.length + 1));
    if (value === undefined) throw this.#damaged('the quotation is not readable');
    return value;
  }

  #takeFile(line: Uint8Array): boolean {
    if (!this.#inList || this.#listed === undefined) return false;
    if (this.#listed.found === this.#listed.count) {
      this.#inList = false;
      return false;
    }
    const file = fileOf(line);
    if (file === undefined) {
      this.#inList = false;
      return false;
    }
    this.#listed.found++;
    if (this.#options.onFile !== undefined) this.#options.onFile(file);
    else if (this.#options.files === true) this.#files.push({ ...file, path: file.path.slice() });
    return true;
  }

  /** With `unfinished`, a section that lacks something was cut while it was written. */
  #endSection(unfinished: { readonly cut: boolean } | undefined): void {
    const section = this.#section;
    if (section === undefined) return;
    this.#section = undefined;
    if (unfinished !== undefined && (unfinished.cut || !section.isWhole)) return;
    this.#lastNumber = section.number;
    const volume = section.finish();
    if (volume === undefined) {
      const what = `where volume ${section.number} starts or ends is not said`;
      this.#cut.set(section.number, this.#damaged(what));
    } else {
      this.#cut.delete(volume.number);
      this.#volumes.set(volume.number, volume);
    }
  }

  /** A resumed run that had lost volumes begins again before the last section: what comes after it in number is gone. */
  #dropLost(): void {
    for (const number of Array.from(this.#volumes.keys())) {
      if (number > this.#lastNumber) this.#volumes.delete(number);
    }
    for (const [number, error] of this.#cut) if (number <= this.#lastNumber) throw error;
  }

  #checkNumbers(volumes: readonly ManifestVolume[]): void {
    const last = volumes.at(-1)?.number ?? 0;
    if (last === volumes.length) return;
    this.#problems.push(
      `It lists ${volumes.length} volumes, but the last has the number ${last}: sections are missing`,
    );
  }

  #checkList(cut: boolean): void {
    if (this.#listed !== undefined && this.#listed.found !== this.#listed.count) {
      this.#problems.push(
        `Line ${this.#listed.line}: ${this.#listed.count} changed files are announced, ${this.#listed.found} are listed`,
      );
    } else if (cut) {
      this.#problems.push(`Line ${this.#line}: the last line does not end`);
    }
  }

  #damaged(what: string): AppError {
    return new AppError(
      'repository/damaged',
      `The manifest "${this.#options.name}" is damaged: line ${this.#line}: ${what}`,
    );
  }
}

/** The word a line starts with, in lower case, when white space follows it. */
function keywordAtStart(line: Uint8Array): string {
  let end = 0;
  while (end < line.length && end < 16 && !isSpace(line[end] as number)) end++;
  if (end === 0 || end === line.length || end === 16) return '';
  return asBuffer(line).toString('latin1', 0, end).toLowerCase();
}

const fileWords = ['new', 'changed', 'deleted'].map((word) => utf8(`    ${word} `));
/** Where the path of a file begins at the latest. */
const latestPath = 15;

/** Where the path begins in a line of the list of files that begins at `start`; undefined unless it is a plain one that is not quoted. */
function plainPathStart(bytes: Uint8Array, start: number): number | undefined {
  for (const word of fileWords) {
    let length = 0;
    while (length < word.length && bytes[start + length] === word[length]) length++;
    if (length < word.length) continue;
    while (bytes[start + length] === space) length++;
    const first = bytes[start + length];
    const isPlain = first !== undefined && first !== linefeed && first !== quote;
    return isPlain && length <= latestPath ? start + length : undefined;
  }
  return undefined;
}

function fileOf(line: Uint8Array): ChangedFile | undefined {
  const match = /^ {4}(new|changed|deleted) +(?=[^ ])/u.exec(
    asBuffer(line).toString('latin1', 0, 16),
  );
  if (match === null) return undefined;
  const path = unquoted(line.subarray(match[0].length));
  if (path === undefined) return undefined;
  const isRoot = path.length === 1 && path[0] === 0x2e;
  return { change: match[1] as ChangedFile['change'], path: isRoot ? path.subarray(1) : path };
}
