import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type ConnectionOptions, connect, type PeerCertificate, rootCertificates } from 'node:tls';

import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import { fileReason } from '../../base/file-reason.ts';
import { refused, withoutEffect } from '../foreign-option.ts';
import type { StorageOption } from '../option-schema.ts';
import { translateNetworkError } from './network-error.ts';

/** What every destination that is reached over TLS can be told. There is no option to trust blindly. */
export const tlsOptions = [
  {
    name: 'ca-file',
    kind: 'string',
    help: 'File with certificates of authorities (PEM) to trust besides the usual ones',
    aliases: ['ssl-cacert-file', 'cacert'],
  },
  {
    name: 'certificate-fingerprint',
    kind: 'string',
    help: "SHA-256 fingerprint of the server's certificate: this one is trusted, and no other",
    aliases: ['accept-specified-ssl-hash'],
  },
  refused('accept-any-ssl-certificate', 'boolean', {
    reason: 'a server whose certificate nobody has checked could be anybody',
    hint: 'Leave it out, and name the certificate by "certificate-fingerprint" (openssl x509 -noout -fingerprint -sha256) or whoever vouches for it by "ca-file"',
  }),
  withoutEffect('ignore-revocation-failure', 'nobody is asked whether a certificate was revoked'),
] as const satisfies readonly StorageOption[];

export interface TlsSettings {
  readonly 'ca-file': string | undefined;
  readonly 'certificate-fingerprint': string | undefined;
}

/** What `tls.connect` and the libraries around it take. */
export type TlsTrust = Pick<
  ConnectionOptions,
  'ca' | 'checkServerIdentity' | 'allowPartialTrustChain'
>;

/** The server whose certificate is in question. */
export interface TlsServer {
  readonly host: string;
  readonly port: number;
  /** Fetches its certificate where the connection does not begin with TLS; otherwise one handshake at `port` does. */
  readonly presented?: (options: CallOptions) => Promise<PeerCertificate>;
}

/**
 * Whom to trust at `host` and `port`. With a fingerprint one handshake is made to fetch the certificate, over which nothing is sent.
 * Throws `input/usage` for a file or fingerprint that makes no sense, `storage/untrusted` for a server with another certificate.
 */
export async function tlsTrust(
  settings: TlsSettings,
  {
    host,
    port,
    presented = (options) => fetchCertificate(host, port, options),
    signal,
  }: CallOptions & TlsServer,
): Promise<TlsTrust> {
  const fingerprint = settings['certificate-fingerprint'];
  if (fingerprint !== undefined)
    return trustOf(normalised(fingerprint), await presented({ signal }), host);
  const file = settings['ca-file'];
  if (file === undefined) return {};
  return { ca: [...rootCertificates, await readAuthorities(file, { signal })] };
}

/** Trust in exactly the certificate that `presented` is, when its fingerprint is the wanted one. */
function trustOf(wanted: string, presented: PeerCertificate, host: string): TlsTrust {
  if (normalised(presented.fingerprint256) !== wanted) throw otherCertificate(host, presented);
  const base64 = presented.raw.toString('base64').replaceAll(/.{64}(?=.)/gu, '$&\n');
  return {
    ca: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    // The certificate itself is the root of the trust, whoever signed it, and whatever name it carries.
    allowPartialTrustChain: true,
    checkServerIdentity: (_, certificate) =>
      normalised(certificate.fingerprint256) === wanted
        ? undefined
        : otherCertificate(host, certificate),
  };
}

async function readAuthorities(file: string, options: CallOptions): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, { encoding: 'utf8', ...options });
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw new AppError(
      'input/usage',
      `Cannot read the file "${file}" of "ca-file": ${fileReason(cause)}`,
      {
        cause,
      },
    );
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new AppError(
    'input/usage',
    `The file "${file}" of "ca-file" holds no certificate in PEM form`,
  );
}

function fetchCertificate(
  host: string,
  port: number,
  { signal }: CallOptions,
): Promise<PeerCertificate> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    // Nothing is sent over this connection: it only shows the certificate.
    const socket = connect({
      host,
      port,
      ...(isIP(host) === 0 && { servername: host }),
      rejectUnauthorized: false,
    });
    const stop = (): void => void socket.destroy(new Error('aborted'));
    signal?.addEventListener('abort', stop, { once: true });
    socket.setTimeout(30_000, () =>
      socket.destroy(new AppError('storage/unavailable', `"${host}" does not answer`)),
    );
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate();
      socket.end();
      resolve(certificate);
    });
    socket.once('error', (error) =>
      reject(
        signal?.aborted === true
          ? signal.reason
          : translateNetworkError(error, `connect to "${host}"`),
      ),
    );
    socket.once('close', () => signal?.removeEventListener('abort', stop));
  });
}

function normalised(fingerprint: string): string {
  const text = fingerprint
    .replace(/^sha256[:/]/iu, '')
    .replaceAll(/[:\s]/gu, '')
    .toLowerCase();
  if (/^[0-9a-f]{64}$/u.test(text)) return text;
  throw new AppError(
    'input/usage',
    'The option "certificate-fingerprint" is no SHA-256 fingerprint',
    {
      hint: 'Print it with: openssl x509 -in cert.pem -noout -fingerprint -sha256',
    },
  );
}

function otherCertificate(host: string, certificate: PeerCertificate): AppError {
  return new AppError(
    'storage/untrusted',
    `"${host}" shows another certificate than the one that is trusted; its fingerprint is ${certificate.fingerprint256}`,
    {
      hint: 'If the server has a new certificate, and only then, put this fingerprint in the option',
    },
  );
}
