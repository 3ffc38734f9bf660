import { StringDecoder } from 'node:string_decoder';

/** No line of a program that we read is longer; what is, is cut. */
const LONGEST = 1024 * 1024;

/** Cuts what comes in pieces into lines. */
export class Lines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #take: (line: string) => void;
  #rest = '';

  constructor(take: (line: string) => void) {
    this.#take = take;
  }

  push(piece: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(piece)).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.#take(line);
    if (this.#rest.length > LONGEST) this.#flush();
  }

  /** The last line may lack its end. */
  end(): void {
    this.#rest += this.#decoder.end();
    if (this.#rest !== '') this.#flush();
  }

  #flush(): void {
    const line = this.#rest;
    this.#rest = '';
    this.#take(line);
  }
}
