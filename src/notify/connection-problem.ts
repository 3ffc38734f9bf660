import { AppError, messageOf, systemCodeOf } from '../base/errors.ts';
import { plainLine } from './plain-line.ts';

const caHint = 'If the server is yours, name its authority with "caFile"';

/** What the system, TLS and the HTTP client report: the end of the sentence, and a hint. */
const meanings: Readonly<Record<string, readonly [text: string, hint?: string]>> = {
  ENOTFOUND: [
    'the name of the server is not known',
    'Look at the spelling of the host, and whether this machine is online',
  ],
  EAI_AGAIN: ['names cannot be looked up just now'],
  EDNS: [
    'the name of the server is not known',
    'Look at the spelling of the host, and whether this machine is online',
  ],
  ECONNREFUSED: [
    'nothing answers at that address',
    'Look at host and port, and whether the server runs',
  ],
  ECONNRESET: ['the connection broke off'],
  ECONNECTION: ['the connection broke off'],
  ESOCKET: ['the connection broke off'],
  EPIPE: ['the connection broke off'],
  ETIMEDOUT: ['the server does not answer'],
  EHOSTUNREACH: ['the server cannot be reached'],
  ENETUNREACH: ['the network cannot be reached'],
  ENOENT: ['there is no such socket'],
  EACCES: ['that may not be used'],
  EMSGSIZE: ['the message is too long'],
  UND_ERR_CONNECT_TIMEOUT: ['the server does not answer'],
  UND_ERR_HEADERS_TIMEOUT: ['the server took too long to answer'],
  UND_ERR_BODY_TIMEOUT: ['the server stopped in the middle of its answer'],
  UND_ERR_SOCKET: ['the connection broke off'],
  UND_ERR_ABORTED: ['the proxy refuses it'],
  CERT_HAS_EXPIRED: ['the certificate of the server has expired', 'Renew it on the server'],
  CERT_NOT_YET_VALID: [
    'the certificate of the server is not valid yet',
    'Look at the clock of this machine',
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'the certificate of the server is for another name',
    'Write the host as its certificate names it',
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['the server signed its certificate itself', caHint],
  SELF_SIGNED_CERT_IN_CHAIN: [
    'the certificate of the server comes from an authority that is not known here',
    caHint,
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    'the certificate of the server comes from an authority that is not known here',
    caHint,
  ],
  UNABLE_TO_GET_ISSUER_CERT: ['the server does not send all certificates', caHint],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    'the certificate of the server comes from an authority that is not known here',
    caHint,
  ],
  EPROTO: [
    'no encrypted connection could be agreed on',
    'Look at the port, and whether it speaks TLS',
  ],
  ERR_SSL_WRONG_VERSION_NUMBER: [
    'the server does not speak TLS at that port',
    'Look at the port and the encryption',
  ],
};

/**
 * The failure of a connection as an `AppError`; another try may help. `action` reads like `send to "ops" by ntfy.sh`. The text of the original error is not
 * in it (it may hold addresses with secrets), unless nothing else is known.
 */
export function connectionProblem(error: unknown, action: string, timedOut: boolean): AppError {
  if (error instanceof AppError) return error;
  const code = codeIn(error);
  const [text, hint] = timedOut
    ? ['the server took too long to answer']
    : ((code === undefined ? undefined : meanings[code]) ?? [
        code === undefined
          ? `the connection failed: ${plainLine(messageOf(error), 200)}`
          : `the connection failed with ${code}`,
      ]);
  return new AppError('notify/failed', `Cannot ${action}: ${text}`, {
    ...(hint !== undefined && { hint }),
    ...(code !== undefined && { details: { system: code } }),
  });
}

/** The first known code in the chain of causes: libraries wrap what the system says. */
function codeIn(error: unknown): string | undefined {
  let fallback: string | undefined;
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const found = at instanceof AggregateError ? codeIn(at.errors[0]) : systemCodeOf(at);
    if (found !== undefined && Object.hasOwn(meanings, found)) return found;
    fallback ??= found;
  }
  return fallback;
}
