import { AppError, type ErrorCode, messageOf } from '../base/errors.ts';
import { ConfigurationError } from '../configuration/configuration-problem.ts';
import type { ServiceLog } from '../service/log.ts';

/** What the API says about an error. */
export interface ErrorBody {
  /** An `ErrorCode`, or one of HTTP: `http/not-found`. */
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** One for each field that is wrong. */
  readonly problems?: readonly { readonly path: string; readonly message: string }[];
}

/** An error of HTTP alone, with its status. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    options: { readonly hint?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.code = `http/${code}`;
    this.hint = options.hint;
    this.headers = options.headers ?? {};
  }
}

const statuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  'input/invalid': 422,
  'input/usage': 400,
  // What was read before has changed meanwhile.
  'input/conflict': 412,
  'job/missing': 404,
  'job/busy': 409,
  'catalog/unavailable': 503,
  'notify/failed': 502,
  'notify/refused': 502,
  'database/unavailable': 502,
  'container/unavailable': 502,
  interrupted: 503,
};

/** The answer for anything that was thrown. Faults of the program go to the log, not to whoever asks. */
export function errorAnswer(error: unknown, log: ServiceLog): Response {
  if (error instanceof HttpError) {
    return answer(error.status, bodyOf(error.code, error.message, error.hint), error.headers);
  }
  if (!(error instanceof AppError) || error.code === 'internal') {
    log.error('A request could not be answered', { error: messageOf(error) });
    return answer(500, bodyOf('internal', 'The request could not be answered', 'The log says why'));
  }
  const status = statuses[error.code] ?? 500;
  const body = bodyOf(error.code, error.message, error.hint);
  const headers = status === 503 ? { 'retry-after': '5' } : {};
  if (!(error instanceof ConfigurationError)) return answer(status, body, headers);
  const problems = error.problems.map(({ path, message }) => ({ path: path.join('.'), message }));
  return answer(status, { ...body, problems }, headers);
}

const bodyOf = (code: string, message: string, hint: string | undefined): ErrorBody => ({
  code,
  message,
  ...(hint !== undefined && { hint }),
});

const answer = (
  status: number,
  body: ErrorBody,
  headers: Readonly<Record<string, string>> = {},
): Response => Response.json(body, { status, headers });
