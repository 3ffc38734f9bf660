import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { writeFileAtomically } from '../base/atomic-file.ts';
import { AppError, hasCode, systemCodeOf } from '../base/errors.ts';
import { fileReason } from '../base/file-reason.ts';
import { makeDirectories } from '../base/make-directories.ts';
import { type DestinationUrl, parseDestinationUrl, printDestinationUrl } from '../storage/url.ts';

const fileName = 'destinations.json';
const fileVersion = 1;

/**
 * Remembers which repository lay at which destination, so that the empty directory below the mount point of a disk that is not there is
 * not taken for a new destination, nor a repository that somebody put in another's place for the old one. Losing the file costs this
 * protection until the next backup, nothing else.
 */
export class KnownDestinations {
  readonly file: string;
  readonly #directory: string;

  constructor(stateDirectory: string) {
    this.#directory = stateDirectory;
    this.file = path.join(stateDirectory, fileName);
  }

  /** The id (32 hexadecimal digits) of the repository that was at a destination (a URL without secrets); `undefined` if none is known. */
  async repositoryAt(destination: string): Promise<string | undefined> {
    return (await this.#read()).get(destination);
  }

  /**
   * The same for a destination of which no driver has said yet which options count: that of one with any options, which may be another
   * repository.
   */
  async repositoryLike(url: DestinationUrl): Promise<string | undefined> {
    const wanted = printedBare(url);
    for (const [destination, repositoryId] of await this.#read()) {
      if (rememberedBare(destination) === wanted) return repositoryId;
    }
    return undefined;
  }

  /** Keeps what is at a destination now. Throws an `AppError` (`local/unwritable`). */
  async note(destination: string, repositoryId: string): Promise<void> {
    const known = await this.#read();
    if (known.get(destination) === repositoryId) return;
    known.set(destination, repositoryId);
    const text = JSON.stringify(
      { version: fileVersion, destinations: Object.fromEntries(known) },
      undefined,
      2,
    );
    try {
      await makeDirectories(this.#directory, { mode: 0o700 });
      await writeFileAtomically(this.file, Buffer.from(`${text}\n`));
    } catch (cause) {
      throw new AppError('local/unwritable', `Cannot write "${this.file}": ${fileReason(cause)}`, {
        cause,
        hint: 'Choose another place with --state-dir',
      });
    }
  }

  async #read(): Promise<Map<string, string>> {
    let text: string;
    try {
      text = await readFile(this.file, 'utf8');
    } catch (cause) {
      if (systemCodeOf(cause) === 'ENOENT') return new Map();
      throw new AppError('local/unwritable', `Cannot read "${this.file}": ${fileReason(cause)}`, {
        cause,
        hint: 'Choose another place with --state-dir',
      });
    }
    return parseKnown(text);
  }
}

/** A destination without its options. */
function printedBare(url: DestinationUrl): string {
  return printDestinationUrl({ ...url, options: new Map() });
}

function rememberedBare(destination: string): string | undefined {
  try {
    return printedBare(parseDestinationUrl(destination));
  } catch (error) {
    // Something that an older program has noted.
    if (hasCode(error, 'input/usage')) return undefined;
    throw error;
  }
}

/** What is torn or from another version is as good as lost. */
function parseKnown(text: string): Map<string, string> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return new Map();
  }
  if (typeof json !== 'object' || json === null) return new Map();
  const fields = new Map<string, unknown>(Object.entries(json));
  if (fields.get('version') !== fileVersion) return new Map();
  return new Map(
    Object.entries(fields.get('destinations') ?? {}).filter(
      (pair): pair is [string, string] =>
        typeof pair[1] === 'string' && /^[0-9a-f]{32}$/u.test(pair[1]),
    ),
  );
}
