/** A field of a JSON object; `undefined` when it is not there, or there is no object. */
export function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

/** A field of a JSON object that is a text; `undefined` when it is anything else. */
export function textField(value: unknown, name: string): string | undefined {
  return text(field(value, name));
}

/** The elements of a JSON array; none when it is no array. */
export function elements(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Milliseconds since 1970 of a time in ISO 8601, in UTC when it names no zone; `NaN` for anything else. */
export function instant(value: unknown): number {
  const written = text(value) ?? '';
  return Date.parse(/(?:Z|[+-][0-9]{2}:?[0-9]{2})$/u.test(written) ? written : `${written}Z`);
}
