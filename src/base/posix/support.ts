import { libc } from './libc.ts';
import { messageOf } from '../errors.ts';

/** What this system lets the program do beyond what Node itself offers. */
export interface PosixSupport {
  /**
   * Whether extended attributes, nanosecond times, device nodes, holes and link-safe restores are possible. Without,
   * a backup keeps what Node shows of a file and a restore to a directory is refused.
   */
  readonly native: boolean;
  /** Why not, as a sentence. */
  readonly reason: string | undefined;
}

let support: PosixSupport | undefined;

/** Finds out once whether system calls are available; never throws. */
export function posixSupport(): PosixSupport {
  if (support !== undefined) return support;
  try {
    libc();
    support = { native: true, reason: undefined };
  } catch (error) {
    support = { native: false, reason: messageOf(error) };
  }
  return support;
}
