import { asBuffer } from '../bytes.ts';
import { errorNameOf } from '../error-name.ts';
import { libc } from './libc.ts';

/** An error of a system call; looks like those of `node:fs`. */
export class SystemError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(errno: number, syscall: string, path?: Uint8Array) {
    const code = errorNameOf(errno);
    super(path === undefined ? `${code}: ${syscall}` : `${code}: ${syscall} ${quotePath(path)}`);
    this.name = 'SystemError';
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** The error that the last call left behind; to be made right after it. */
function lastError(syscall: string, path?: Uint8Array): SystemError {
  return new SystemError(libc().errno(), syscall, path);
}

/** Passes a result on, or throws what went wrong if it is negative. */
export function checked(result: number, syscall: string, path?: Uint8Array): number {
  if (result < 0) throw lastError(syscall, path);
  return result;
}

/** A path for a sentence: quoted, without control characters, bytes that are not UTF-8 as `\xff`. */
export function quotePath(path: Uint8Array): string {
  const end = path.at(-1) === 0 ? path.length - 1 : path.length;
  const bytes = asBuffer(path.subarray(0, end));
  let text = bytes.toString('utf8');
  if (text.includes('\ufffd')) {
    text = bytes.toString('latin1').replaceAll(/[\u0080-\u00ff]/gu, escaped);
  }
  // oxlint-disable-next-line no-control-regex -- control characters are what must not reach a terminal
  return `"${text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/gu, escaped)}"`;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x0a) return String.raw`\n`;
  return code > 0xff
    ? String.raw`\u${code.toString(16).padStart(4, '0')}`
    : String.raw`\x${code.toString(16).padStart(2, '0')}`;
}
