import { StringDecoder } from 'node:string_decoder';

import type { Run } from '../../model/run.ts';
import type { Feed } from '../feed.ts';
import type { SecretMask } from '../program/mask-secrets.ts';
import type { RunEvent } from '../run-event.ts';

/** Tells whoever watches what a run prints, as it comes, with secrets masked. */
export class LiveOutput {
  readonly #run: Run;
  readonly #feed: Feed<RunEvent>;
  readonly #mask: SecretMask;
  #decoder = new StringDecoder('utf8');
  #masked: ReturnType<SecretMask['stream']>;
  #isInLine = false;

  constructor(run: Run, feed: Feed<RunEvent>, mask: SecretMask) {
    this.#run = run;
    this.#feed = feed;
    this.#mask = mask;
    this.#masked = mask.stream();
  }

  /** A line of our own. */
  line(text: string): void {
    this.flush();
    this.#tell(`${this.#isInLine ? '\n' : ''}${this.#mask.mask(text)}\n`);
  }

  push(piece: Buffer): void {
    this.#tell(this.#masked.push(this.#decoder.write(piece)));
  }

  /** What was held back because a secret might have begun in it. */
  flush(): void {
    this.#tell(this.#masked.push(this.#decoder.end()) + this.#masked.end());
    this.#decoder = new StringDecoder('utf8');
    // Secrets that have become known since are masked from here on.
    this.#masked = this.#mask.stream();
  }

  #tell(text: string): void {
    if (text === '') return;
    this.#isInLine = !text.endsWith('\n');
    this.#feed.publish({ type: 'output', run: this.#run.id, job: this.#run.job, text });
  }
}
