/** One line of a filelist: a pattern, and whether it includes. */
export interface FilelistEntry {
  readonly pattern: string;
  readonly isInclude: boolean;
}

/**
 * The entries of a filelist: one a line, or ended by NUL. White space around is dropped, so are empty lines and those that begin with `#`; `+ ` and `- ` say what the pattern does, whatever
 * the option says; one pair of quotes around it is taken away.
 */
export function parseFilelist(
  text: string,
  isInclude: boolean,
  { nulSeparated = false }: { readonly nulSeparated?: boolean } = {},
): FilelistEntry[] {
  return text.split(nulSeparated ? '\0' : '\n').flatMap((line) => {
    let pattern = line.trim();
    if (pattern === '' || pattern.startsWith('#')) return [];
    let includes = isInclude;
    const sign = /^([+-]) (.*)$/su.exec(pattern);
    if (sign !== null) {
      includes = sign[1] === '+';
      pattern = sign[2]!;
    }
    const quotes = /^(["'])(.*)\1$/su.exec(pattern);
    if (quotes !== null) pattern = quotes[2]!;
    return pattern === '' ? [] : [{ pattern, isInclude: includes }];
  });
}

/** The paths of `--files-from`: nothing is taken away from a line but its end. */
export function parseFilesFrom(
  text: string,
  { nulSeparated = false }: { readonly nulSeparated?: boolean } = {},
): string[] {
  return text.split(nulSeparated ? '\0' : '\n').filter((line) => line !== '');
}
