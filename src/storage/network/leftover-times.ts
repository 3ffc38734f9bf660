import { leftoverAge } from '../temporary-name.ts';

/**
 * Temporary files that listings have shown, and which of them nobody writes any more, by the server's own times: our clock may be days
 * ahead of the server's, and what another machine writes at this moment must not look old to us. The newest time of any file there is one
 * that the server's clock has passed; ours only keeps a single file with a time in the future from making everything look old.
 */
export class LeftoverTimes {
  readonly #found = new Map<string, number>();
  #newest = -Infinity;

  /** Takes note of the time of any file on the server, in milliseconds since 1970. */
  see(modified: number | undefined): void {
    if (modified !== undefined) this.#newest = Math.max(this.#newest, modified);
  }

  /** Takes note of a temporary file. One without a time never becomes old. */
  note(path: string, modified: number | undefined): void {
    this.see(modified);
    if (modified !== undefined) this.#found.set(path, modified);
  }

  /** Those that are old by now, each once; `now` is our time. */
  takeOld(now: number, most = Infinity): readonly string[] {
    const oldest = Math.min(now, this.#newest) - leftoverAge;
    const old = Array.from(this.#found)
      .filter(([, modified]) => modified < oldest)
      .slice(0, most)
      .map(([path]) => path);
    for (const path of old) this.#found.delete(path);
    return old;
  }
}
