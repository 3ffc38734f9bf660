import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, systemCodeOf } from '../../../base/errors.ts';
import { fileReason } from '../../../base/file-reason.ts';
import { Secret } from '../../../base/secret.ts';

/** The name that Tahoe's own program gives to the directory in `private/root_dir.cap`. */
const defaultAlias = 'tahoe';

/** What the directory of a node (usually `~/.tahoe`) says. */
export class NodeDirectory {
  readonly #path: string;

  constructor(directory: string) {
    this.#path = directory;
  }

  /** The capability that `tahoe create-alias` or `add-alias` has put down. Throws `storage/no-container` when there is none. */
  async alias(name: string, options: CallOptions = {}): Promise<Secret> {
    const file = path.join(this.#path, 'private', 'aliases');
    const known: string[] = [];
    for (const line of ((await this.#read(file, options)) ?? '').split('\n')) {
      const [, alias = '', capability = ''] =
        /^\s*([^#:\s][^:]*?)\s*:\s*(\S+)\s*$/u.exec(line) ?? [];
      if (alias === '') continue;
      if (alias === name) return new Secret(capability);
      known.push(alias);
    }
    const root =
      name === defaultAlias
        ? await this.#read(path.join(this.#path, 'private', 'root_dir.cap'), options)
        : undefined;
    if (root !== undefined && root.trim() !== '') return new Secret(root.trim());
    throw new AppError('storage/no-container', `There is no Tahoe alias "${name}" in "${file}"`, {
      hint: `${known.length === 0 ? '' : `Known are: ${known.join(', ')}. `}Make it with: tahoe create-alias ${name}`,
    });
  }

  /** Where the node says that its web interface is; `undefined` when it does not say. */
  async url(options: CallOptions = {}): Promise<string | undefined> {
    return (await this.#read(path.join(this.#path, 'node.url'), options))?.trim();
  }

  async #read(file: string, options: CallOptions): Promise<string | undefined> {
    try {
      return await readFile(file, { encoding: 'utf8', ...options });
    } catch (cause) {
      options.signal?.throwIfAborted();
      const code = systemCodeOf(cause);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw new AppError(
        'input/usage',
        `Cannot read the file "${file}" of the Tahoe node: ${fileReason(cause)}`,
        { cause },
      );
    }
  }
}
