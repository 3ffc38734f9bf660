/** What a server asks for in `WWW-Authenticate` (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** By their names in lower case; quoted values as they stand between the quotes, escapes included. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";
const parameter = new RegExp(String.raw`(${token})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))`, 'uy');
const scheme = new RegExp(token, 'uy');

/** All challenges of a header, of which several may have been joined by commas. What cannot be read is left out. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  for (let at = 0; at < header.length;) {
    const current = challenges.at(-1);
    parameter.lastIndex = at;
    const named = current === undefined ? null : parameter.exec(header);
    if (named !== null) {
      current?.parameters.set((named[1] ?? '').toLowerCase(), named[2] ?? named[3] ?? '');
      at = parameter.lastIndex;
      continue;
    }
    scheme.lastIndex = at;
    const begun = scheme.exec(header);
    if (begun !== null) challenges.push({ scheme: begun[0].toLowerCase(), parameters: new Map() });
    at = begun === null ? at + 1 : scheme.lastIndex;
  }
  return challenges;
}
