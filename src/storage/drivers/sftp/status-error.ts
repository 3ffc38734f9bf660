/** What the server answered instead of a result: one of the codes of the protocol, and its own words. */
export class SftpStatusError extends Error {
  readonly status: number;

  constructor(status: number, words: string) {
    super(words === '' ? `status ${status}` : words);
    this.name = 'SftpStatusError';
    this.status = status;
  }
}

/** Whether `error` is an answer with one of the codes, or with any, if none is given. */
export function hasStatus(error: unknown, ...codes: readonly number[]): error is SftpStatusError {
  return error instanceof SftpStatusError && (codes.length === 0 || codes.includes(error.status));
}

/** The result of a request, or `undefined` when the server answers it with one of the codes. */
export async function unlessStatus<Result>(
  request: Promise<Result>,
  ...codes: readonly number[]
): Promise<Result | undefined> {
  try {
    return await request;
  } catch (error) {
    if (hasStatus(error, ...codes)) return undefined;
    throw error;
  }
}
