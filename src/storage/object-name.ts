import { AppError } from '../base/errors.ts';

/**
 * Rejects what cannot be the name of an object: empty names and parts, `.` and `..`, absolute names, NUL, ill-formed Unicode.
 * Names may come out of a repository that somebody else wrote, so every driver calls this before it touches anything.
 */
export function checkObjectName(name: string): void {
  const reason = reasonAgainst(name);
  if (reason === undefined) return;
  throw new AppError(
    'input/invalid',
    `Cannot use ${JSON.stringify(name)} as an object name: ${reason}`,
  );
}

/** Whether some object name can start with `prefix`: a listing of any other prefix is empty. */
export function canStartName(prefix: string): boolean {
  const parts = prefix.split('/');
  const last = parts.pop() ?? '';
  return (
    isClean(last) && parts.every((part) => reasonAgainstPart(part) === undefined && isClean(part))
  );
}

function reasonAgainst(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.startsWith('/')) return 'it is absolute';
  if (!isClean(name)) return 'it holds a NUL or is not well-formed Unicode';
  for (const part of name.split('/')) {
    const reason = reasonAgainstPart(part);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function reasonAgainstPart(part: string): string | undefined {
  if (part === '') return 'one of its parts is empty';
  if (part === '.' || part === '..') return `it has a part "${part}"`;
  return undefined;
}

function isClean(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
