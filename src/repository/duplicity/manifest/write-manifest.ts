/**
 * The pieces of a manifest as bytes, to be appended one after another while a run goes on (docs/formats/duplicity.md 3): the header, a
 * section per volume, at the end the list of files.
 */
import { concatBytes, utf8 } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import type { ChangedFile, ManifestVolume, VolumePosition } from './manifest.ts';
import { quoted } from './quoting.ts';

const newline = utf8('\n');

export interface ManifestHeader {
  readonly hostname: string | undefined;
  readonly sourcePath: Uint8Array | undefined;
}

/** @throws AppError `input/invalid` for a host name of more than one line */
export function manifestHeader({ hostname, sourcePath }: ManifestHeader): Uint8Array {
  if (hostname !== undefined && /[\r\n]/u.test(hostname)) {
    throw new AppError(
      'input/invalid',
      `The host name ${JSON.stringify(hostname)} holds a line break`,
    );
  }
  return concatBytes(
    hostname === undefined || hostname === '' ? new Uint8Array() : utf8(`Hostname ${hostname}\n`),
    sourcePath === undefined || sourcePath.length === 0
      ? new Uint8Array()
      : concatBytes(utf8('Localdir '), quoted(sourcePath), newline),
  );
}

/** A volume's section. Its hashes are written in the order of the map; the real program needs "SHA1". */
export function manifestVolume({ number, start, end, hashes }: ManifestVolume): Uint8Array {
  return concatBytes(
    utf8(`Volume ${number}:\n`),
    positionLine('    StartingPath   ', start),
    positionLine('    EndingPath     ', end),
    ...Array.from(hashes, ([algorithm, hash]) => utf8(`    Hash ${algorithm} ${hash}\n`)),
  );
}

/** The whole list of files; for a long one `manifestFileListHead` and then `manifestFile` for each. */
export function manifestFileList(files: readonly ChangedFile[]): Uint8Array {
  return concatBytes(manifestFileListHead(files.length), ...files.map(manifestFile));
}

/** The line that says how many files follow. */
export function manifestFileListHead(count: number): Uint8Array {
  return utf8(`Filelist ${count}\n`);
}

/** The line of one file. */
export function manifestFile({ change, path }: ChangedFile): Uint8Array {
  return concatBytes(utf8(`    ${change.padEnd(7)}  `), shownPath(path), newline);
}

/** The root is a dot. */
function shownPath(path: Uint8Array): Uint8Array {
  return path.length === 0 ? utf8('.') : quoted(path);
}

function positionLine(head: string, { path, block }: VolumePosition): Uint8Array {
  return concatBytes(utf8(head), shownPath(path), utf8(` ${block ?? ' '}\n`));
}
