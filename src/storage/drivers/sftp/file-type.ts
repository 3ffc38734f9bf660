import type { FileAttributes } from './packet.ts';

const typeMask = 0o170_000;

/** Whether it is a directory; no, where the server does not tell. */
export function isDirectory({ mode }: FileAttributes): boolean {
  return mode !== undefined && (mode & typeMask) === 0o040_000;
}

export function isLink({ mode }: FileAttributes): boolean {
  return mode !== undefined && (mode & typeMask) === 0o120_000;
}

/** Whether it is a regular file; yes, where the server does not tell the type. */
export function isFile({ mode }: FileAttributes): boolean {
  return mode === undefined || (mode & typeMask) === 0 || (mode & typeMask) === 0o100_000;
}
