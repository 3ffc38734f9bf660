import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { type HttpResponse, statusError } from '../../network/http-client.ts';

/** How much of an answer is looked at: a node answers with whole tracebacks. */
const longestExplanation = 64 * 1024;

const readOnly = 'Use the writable capability of the directory (it begins with URI:DIR2:)';
const servers =
  'Look at the page of the node which storage servers are connected, and whether they have space';

/** Exceptions of the node that it has no status of its own for, by their names. */
const exceptions: readonly (readonly [
  name: RegExp,
  code: ErrorCode,
  text: string,
  hint: string,
])[] = [
  [
    /NotWriteableError|read-only cap/u,
    'storage/access-denied',
    'the directory can only be read with this capability',
    readOnly,
  ],
  [
    /UploadUnhappinessError|NoServersError|NotEnoughServersError/u,
    'storage/unavailable',
    'too few storage servers take it',
    servers,
  ],
  [
    /UncoordinatedWriteError/u,
    'storage/unavailable',
    'somebody else has changed the same directory',
    'Let all machines use the same node',
  ],
];

/** The error for an answer that is not the wanted one; the answer is read or discarded. */
export async function tahoeRefusal(response: HttpResponse, action: string): Promise<AppError> {
  const { status } = response;
  const text = await explanationOf(response);
  const details = { status };
  for (const [name, code, meaning, hint] of exceptions)
    if (name.test(text))
      return new AppError(code, `Cannot ${action}: ${meaning}`, { details, hint });
  // "Gone" is said of files whose pieces cannot be found just now: never that there is none.
  if (status === 410)
    return new AppError(
      'storage/unavailable',
      `Cannot ${action}: too few pieces of it can be found`,
      { details, hint: servers },
    );
  if (status === 400)
    return new AppError(
      'storage/access-denied',
      `Cannot ${action}: the node does not understand it`,
      {
        details,
        hint: 'Look at the capability: it is copied as a whole, and is that of a directory',
      },
    );
  if (status >= 300 && status < 400)
    return new AppError(
      'storage/access-denied',
      `Cannot ${action}: what answers is no Tahoe node`,
      {
        details,
        hint: 'Look at the option "url"',
      },
    );
  if (status === 413)
    return new AppError(
      'storage/access-denied',
      `Cannot ${action}: it is larger than the node takes`,
      { details },
    );
  return statusError(response, action);
}

/** What the node says, which may name capabilities: it is looked at, and never shown. */
async function explanationOf(response: HttpResponse): Promise<string> {
  const length = Number(response.header('content-length') ?? Number.NaN);
  if (length <= longestExplanation) return await response.text();
  await response.discard();
  return '';
}
