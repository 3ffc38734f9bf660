import { messageOf } from '../../base/errors.ts';

/**
 * What went wrong, without what was being done to which object: of `Cannot read "holdfast" in "/mnt/disk": permission denied` the end, and of
 * `Cannot open the remote: permission denied` too. Names of objects say nothing to whoever has only named a destination.
 */
export function failureReason(error: unknown): string {
  return messageOf(error).replace(/^Cannot [a-z ]+(?: "[^"]*"(?: in "[^"]*")?)?: /u, '');
}
