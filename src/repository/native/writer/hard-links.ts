import type { SourceEntry } from '../../../model/entry.ts';
import type { FileOutcome, ProblemReport } from '../worker/messages.ts';

type Outcome = FileOutcome | ProblemReport;

interface Inode {
  /** Names that have not been seen yet. */
  left: number;
  outcome: Outcome | undefined;
  waiting: ((outcome: Outcome) => void)[];
}

/** Reads a file with several names once: whoever comes later gets the outcome of the first. An inode is dropped when all its names were seen. */
export class HardLinks {
  readonly #inodes = new Map<string, Inode>();

  /**
   * Registers one name. The first gets a function to call with the outcome, and must read the file; for others `done` is called when it is known, and the
   * answer is `undefined`.
   */
  join(
    entry: SourceEntry,
    done: (outcome: Outcome) => void,
  ): ((outcome: Outcome) => void) | undefined {
    const key = `${entry.device}:${entry.inode}`;
    const known = this.#inodes.get(key);
    if (known !== undefined) {
      if (--known.left === 0) this.#inodes.delete(key);
      if (known.outcome === undefined) known.waiting.push(done);
      else done(known.outcome);
      return undefined;
    }
    const inode: Inode = { left: entry.links - 1, outcome: undefined, waiting: [] };
    this.#inodes.set(key, inode);
    return (outcome) => {
      inode.outcome = outcome;
      done(outcome);
      for (const other of inode.waiting.splice(0)) other(outcome);
    };
  }
}
