import { systemCodeOf } from '../../base/errors.ts';

/** Sends a signal to a process and all of its group; that nobody is left is no error. */
export function endProcessGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if (systemCodeOf(error) !== 'ESRCH' && systemCodeOf(error) !== 'EPERM') throw error;
  }
}
