/** How one thing that was tried went. `weak`: it works, and something should be known about it. */
export interface Trial {
  /** Two or three words: `Read a part`. */
  readonly name: string;
  readonly outcome: 'good' | 'weak' | 'failed';
  /** What was seen, for people. */
  readonly seen: string;
  /** Milliseconds that it took. */
  readonly duration: number;
  /** What to do about it. */
  readonly advice?: string;
}
