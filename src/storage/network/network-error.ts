import { AppError, type ErrorCode, systemCodeOf } from '../../base/errors.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

const unproven: Pick<Meaning, 'code' | 'hint'> = {
  code: 'storage/untrusted',
  hint: 'If the server is yours, name its authority with the option "ca-file", or its certificate with "certificate-fingerprint"',
};

/** What the system, TLS and the HTTP client report. Whatever is not here may pass, and is worth another attempt. */
const meanings: Readonly<Record<string, Meaning>> = {
  ENOTFOUND: {
    code: 'storage/unavailable',
    text: 'the name of the server is not known',
    hint: 'Look at the spelling of the host, and whether this machine is online',
  },
  EAI_AGAIN: { code: 'storage/unavailable', text: 'names cannot be looked up just now' },
  ECONNREFUSED: {
    code: 'storage/unavailable',
    text: 'nothing answers at that address',
    hint: 'Look at host and port, and whether the server runs',
  },
  ECONNRESET: { code: 'storage/unavailable', text: 'the connection broke off' },
  EPIPE: { code: 'storage/unavailable', text: 'the connection broke off' },
  ETIMEDOUT: { code: 'storage/unavailable', text: 'the server does not answer' },
  EHOSTUNREACH: { code: 'storage/unavailable', text: 'the server cannot be reached' },
  ENETUNREACH: { code: 'storage/unavailable', text: 'the network cannot be reached' },
  UND_ERR_CONNECT_TIMEOUT: { code: 'storage/unavailable', text: 'the server does not answer' },
  UND_ERR_HEADERS_TIMEOUT: {
    code: 'storage/unavailable',
    text: 'the server took too long to answer',
  },
  UND_ERR_BODY_TIMEOUT: {
    code: 'storage/unavailable',
    text: 'the server stopped in the middle of its answer',
  },
  UND_ERR_SOCKET: { code: 'storage/unavailable', text: 'the connection broke off' },
  CERT_HAS_EXPIRED: {
    code: 'storage/untrusted',
    text: 'the certificate of the server has expired',
    hint: 'Renew it on the server, and look at the clock of this machine',
  },
  CERT_NOT_YET_VALID: {
    code: 'storage/untrusted',
    text: 'the certificate of the server is not valid yet',
    hint: 'Look at the clock of this machine',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    code: 'storage/untrusted',
    text: 'the certificate of the server is for another name',
    hint: 'Write the host as its certificate names it',
  },
  DEPTH_ZERO_SELF_SIGNED_CERT: { ...unproven, text: 'the server signed its certificate itself' },
  SELF_SIGNED_CERT_IN_CHAIN: {
    ...unproven,
    text: 'the certificate of the server comes from an authority that is not known here',
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    ...unproven,
    text: 'the certificate of the server comes from an authority that is not known here',
  },
  UNABLE_TO_GET_ISSUER_CERT: { ...unproven, text: 'the server does not send all certificates' },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    ...unproven,
    text: 'the certificate of the server comes from an authority that is not known here',
  },
  EPROTO: {
    code: 'storage/untrusted',
    text: 'no encrypted connection could be agreed on',
    hint: 'Look at the port, and whether it speaks TLS',
  },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    code: 'storage/untrusted',
    text: 'the server does not speak TLS at that port',
    hint: 'Look at the port and the scheme of the URL',
  },
};

/**
 * A failure of a connection as an `AppError`, with the original as its cause; an `AppError` is given back as it is. `action` reads like
 * `store "packs/00"`. Errors without a system code come back unchanged: they are bugs, or a driver has to know them.
 */
export function translateNetworkError(error: unknown, action: string): unknown {
  if (error instanceof AppError) return error;
  const code = codeIn(error);
  if (code === undefined) return error;
  const meaning = meanings[code];
  return new AppError(
    meaning?.code ?? 'storage/unavailable',
    `Cannot ${action}: ${meaning?.text ?? `the connection failed with ${code}`}`,
    {
      cause: error,
      details: { system: code },
      ...(meaning?.hint !== undefined && { hint: meaning.hint }),
    },
  );
}

/** The first code in the chain of causes: libraries wrap what the system says. */
function codeIn(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = systemCodeOf(at);
    if (code !== undefined && (Object.hasOwn(meanings, code) || 'syscall' in at)) return code;
    if (at instanceof AggregateError && at.errors.length > 0) {
      const inner = codeIn(at.errors[0]);
      if (inner !== undefined) return inner;
    }
  }
  const code = systemCodeOf(error);
  return code?.startsWith('UND_ERR_') === true || code?.startsWith('ERR_SSL_') === true
    ? code
    : undefined;
}
