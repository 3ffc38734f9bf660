/** What the shell of a task tells between what its steps print. */
export type ShellMark =
  | { readonly kind: 'begun'; readonly pid: number }
  | { readonly kind: 'ended'; readonly status: number };

const BORDER = 0x1e;
/** A mark is never longer: a border, the word, a letter, a number, a border. */
const longestNumber = 12;

/** Separates the marks of `taskShellCode` from the output around them. The word has only letters and digits. */
export class MarkedOutput {
  readonly #word: string;
  readonly #onOutput: (piece: Buffer) => void;
  readonly #onMark: (mark: ShellMark) => void;
  #held: Buffer = Buffer.alloc(0);

  constructor(word: string, onOutput: (piece: Buffer) => void, onMark: (mark: ShellMark) => void) {
    this.#word = word;
    this.#onOutput = onOutput;
    this.#onMark = onMark;
  }

  push(piece: Buffer): void {
    let rest = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    let from = 0;
    for (;;) {
      const start = rest.indexOf(BORDER, from);
      if (start < 0) {
        this.#print(rest);
        this.#held = Buffer.alloc(0);
        return;
      }
      const longest = this.#word.length + longestNumber + 5;
      const end = rest.indexOf(BORDER, start + 1);
      const mark =
        end < 0 || end - start > longest
          ? undefined
          : this.#parse(rest.toString('latin1', start + 1, end));
      if (mark !== undefined) {
        this.#print(rest.subarray(0, start));
        rest = rest.subarray(end + 1);
        from = 0;
        this.#onMark(mark);
      } else if (end < 0 && rest.length - start <= longest) {
        // Perhaps the rest of it is still to come.
        this.#print(rest.subarray(0, start));
        this.#held = Buffer.from(rest.subarray(start));
        return;
      } else {
        from = start + 1;
      }
    }
  }

  /** Nothing more comes: what could have become a mark is output. */
  end(): void {
    this.#print(this.#held);
    this.#held = Buffer.alloc(0);
  }

  #print(piece: Buffer): void {
    if (piece.length > 0) this.#onOutput(piece);
  }

  #parse(text: string): ShellMark | undefined {
    const [word, letter, number, more] = text.split(' ');
    if (word !== this.#word || more !== undefined || !/^\d{1,12}$/u.test(number ?? ''))
      return undefined;
    if (letter === 'b') return { kind: 'begun', pid: Number(number) };
    return letter === 'e' ? { kind: 'ended', status: Number(number) } : undefined;
  }
}
