/** The part of Drive's query language that a storage needs: `in parents`, `name`, `mimeType`, `trashed`, `and`, `or`, parentheses. */
export interface Queried {
  readonly name: string;
  readonly mimeType: string;
  readonly trashed: boolean;
  readonly parents: readonly string[];
}

export type Query = (file: Queried) => boolean;

/** Understands a query, or throws. `parentOf` gives the id that a text like `root` stands for, or throws when there is none. */
export function parseDriveQuery(text: string, parentOf: (id: string) => string): Query {
  const tokens = Array.from(text.matchAll(/\s*(?:'((?:[^'\\]|\\['\\])*)'|([()]|!?=|[A-Za-z]+))/gu));
  if (tokens.map(([whole]) => whole).join('') !== text.trimEnd()) throw new Error('Invalid query');
  let at = 0;
  const word = (): string | undefined => tokens[at]?.[2];
  const take = (wanted?: string): string => {
    const found = word();
    if (found === undefined || (wanted !== undefined && found !== wanted))
      throw new Error(`Invalid query at ${at}`);
    at++;
    return found;
  };
  const literal = (): string => {
    const found = tokens[at]?.[1];
    if (found === undefined) throw new Error(`Invalid query at ${at}`);
    at++;
    return found.replaceAll(/\\(['\\])/gu, '$1');
  };

  const term = (): Query => {
    if (word() === '(') {
      take('(');
      const inner = any();
      take(')');
      return inner;
    }
    if (word() === undefined) {
      const parent = parentOf(literal());
      take('in');
      take('parents');
      return ({ parents }) => parents.includes(parent);
    }
    const field = take();
    const isEqual = take() === '=';
    if (field === 'trashed') {
      const value = take() === 'true';
      return ({ trashed }) => (trashed === value) === isEqual;
    }
    const value = literal();
    // Names are compared without regard to case.
    if (field === 'name') {
      const folded = value.toLowerCase();
      return ({ name }) => (name.toLowerCase() === folded) === isEqual;
    }
    if (field === 'mimeType') return ({ mimeType }) => (mimeType === value) === isEqual;
    throw new Error(`Invalid query: ${field}`);
  };
  const all = (): Query => {
    const terms = [term()];
    while (word() === 'and') {
      take();
      terms.push(term());
    }
    return (file) => terms.every((matches) => matches(file));
  };
  const any = (): Query => {
    const terms = [all()];
    while (word() === 'or') {
      take();
      terms.push(all());
    }
    return (file) => terms.some((matches) => matches(file));
  };

  const query = any();
  if (at !== tokens.length) throw new Error(`Invalid query at ${at}`);
  return query;
}
