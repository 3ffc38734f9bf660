const prefix = '[GNUPG:] ';
/** Longer lines do not occur; a program that writes one is not believed. */
const longest = 1 << 16;
/** Some lines come per key of a key ring. */
const most = 100_000;

/** One line gpg wrote to its status descriptor: a keyword and what follows it. */
export interface GpgStatus {
  readonly keyword: string;
  readonly words: readonly string[];
}

/** Collects what gpg says for programs (`doc/DETAILS` of GnuPG), which does not depend on its version's and its user's language. */
export class GpgStatusLines {
  #rest = '';
  #lines: GpgStatus[] = [];

  push(piece: Uint8Array): void {
    // Names in it may be anything; the keywords are ASCII.
    const text = this.#rest + Buffer.from(piece).toString('latin1');
    const lines = text.split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, longest);
    for (const line of lines) {
      if (!line.startsWith(prefix) || this.#lines.length >= most) continue;
      const [keyword = '', ...words] = line.slice(prefix.length).split(' ');
      this.#lines.push({ keyword, words });
    }
  }

  /** In the order they came. */
  get all(): readonly GpgStatus[] {
    return this.#lines;
  }

  has(keyword: string): boolean {
    return this.#lines.some((line) => line.keyword === keyword);
  }

  /** The words of the lines with one of the keywords. */
  of(...keywords: readonly string[]): (readonly string[])[] {
    return this.#lines
      .filter(({ keyword }) => keywords.includes(keyword))
      .map(({ words }) => words);
  }

  /** Codes of libgpg-error in lines that tell of errors, without the part that says who noticed. */
  get errorCodes(): readonly number[] {
    return this.of('ERROR', 'FAILURE').map(([, code = '']) => Number.parseInt(code, 10) & 0xffff);
  }
}
