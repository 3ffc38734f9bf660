import { AppError, type ErrorCode } from '../../../base/errors.ts';
import { oneLine } from '../../network/one-line.ts';
import { type HttpResponse, statusError } from '../../network/http-client.ts';

/** Where a request went, for hints. */
export interface RefusedRequest {
  /** What was to be done, as in `Cannot store "a"`. */
  readonly action: string;
  readonly url: URL;
  readonly hasCredentials: boolean;
}

/** How much of an error page is looked through for the reason. */
const longestExplanation = 64 * 1024;

/** What WebDAV means by a status where that differs from HTTP in general, or where there is something to do about it. */
const meanings: Readonly<Record<number, readonly [code: ErrorCode, text: string, hint?: string]>> =
  {
    401: [
      'storage/access-denied',
      'the server does not accept user and password',
      'Look at user, password and the option "authentication"',
    ],
    403: [
      'storage/access-denied',
      'the server denies it',
      'Look at what this user may do there, and whether the share is read-only',
    ],
    405: [
      'storage/access-denied',
      'the server does not allow that there',
      'Look whether the path of the URL leads to WebDAV: it often begins with /dav, /webdav or /remote.php/dav/files/USER',
    ],
    407: ['storage/access-denied', 'the proxy wants other credentials'],
    409: ['storage/unavailable', 'a directory on the way is missing'],
    412: ['storage/unavailable', 'the server says that it has changed meanwhile'],
    413: [
      'storage/access-denied',
      'it is larger than the server takes',
      'Raise the limit of the server or of the proxy before it (LimitRequestBody, client_max_body_size)',
    ],
    423: [
      'storage/unavailable',
      'somebody holds a lock on it',
      'Look which other program has opened it there, and wait until it ends',
    ],
    501: [
      'storage/access-denied',
      'the server does not speak WebDAV',
      'Look at the path of the URL',
    ],
    507: [
      'storage/out-of-space',
      'no space is left',
      'Free space there, raise the quota, or choose another destination',
    ],
  };

/** The error for an answer that is not the wanted one; the answer is read or discarded. */
export async function refusal(response: HttpResponse, request: RefusedRequest): Promise<AppError> {
  const { status } = response;
  const { action, url, hasCredentials } = request;
  const location = response.header('location');
  const explanation = await explanationOf(response);
  if (status >= 300 && status < 400) {
    const right = location === undefined ? undefined : destinationOf(location, url);
    return new AppError(
      'storage/access-denied',
      `Cannot ${action}: the server sends us elsewhere`,
      {
        details: { status },
        ...(right !== undefined && { hint: `If that is right, write ${right} as the destination` }),
      },
    );
  }
  if (status === 401 && !hasCredentials) {
    return new AppError(
      'storage/access-denied',
      `Cannot ${action}: the server wants a user and a password`,
      {
        details: { status },
        hint: 'Give them with the options "user" and "password"',
      },
    );
  }
  const general = statusError(response, action, explanation);
  const meaning = meanings[status];
  if (meaning === undefined) return general;
  const [code, text, hint] = meaning;
  const said = explanation === '' ? '' : ` (${explanation})`;
  return new AppError(code, `Cannot ${action}: ${text}${said}`, {
    details: general.details,
    ...(hint !== undefined && { hint }),
  });
}

/** Whether the server says that the resource is a directory, by sending us to the same path with a slash. */
export function isSentToCollection(response: HttpResponse, url: URL): boolean {
  const location = response.header('location');
  if (response.status < 300 || response.status >= 400 || location === undefined) return false;
  return URL.canParse(location, url.href) && new URL(location, url).pathname === `${url.pathname}/`;
}

/** Where the server wants us to go, as a destination. Neither user nor query, which could be secrets, are shown. */
function destinationOf(location: string, from: URL): string | undefined {
  if (!URL.canParse(location, from.href)) return undefined;
  const { protocol, host, pathname } = new URL(location, from);
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  return `${protocol === 'https:' ? 'webdavs' : 'webdav'}://${host}${pathname}`;
}

/** The sentence that Sabre and its kind put into XML; pages for people say nothing that the status does not. */
async function explanationOf(response: HttpResponse): Promise<string> {
  const isXml = /\bxml\b/iu.test(response.header('content-type') ?? '');
  const length = Number(response.header('content-length') ?? Number.NaN);
  if (!isXml || !(length <= longestExplanation)) {
    await response.discard();
    return '';
  }
  const message = /<(?:[a-z]+:)?message>([^<]*)</iu.exec(await response.text())?.[1] ?? '';
  return oneLine(message);
}
