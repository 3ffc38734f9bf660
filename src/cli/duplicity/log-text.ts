import { concatBytes } from '../../base/bytes.ts';
import { pathBytes } from '../../model/path-text.ts';

/** What is printed. Paths are bytes: they come out as they are, so that `grep` finds them. */
export type LogText = string | Uint8Array;

/** Joins texts and paths. */
export function joinText(...parts: readonly LogText[]): Uint8Array {
  return concatBytes(...parts.map(bytesOfText));
}

export function bytesOfText(text: LogText): Uint8Array {
  return typeof text === 'string' ? pathBytes(text) : text;
}
