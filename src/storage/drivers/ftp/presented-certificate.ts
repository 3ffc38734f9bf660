import { type PeerCertificate, TLSSocket } from 'node:tls';

import { type Client, FTPError } from 'basic-ftp';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { ConnectionFailure, translateError } from './translate-error.ts';

/** The certificate that a server shows after `AUTH TLS`. Nothing else is sent, no login: nobody has said yet that it is to be trusted. */
export async function presentedAfterAuth(
  client: Client,
  { host, port }: { readonly host: string; readonly port: number },
  { signal }: CallOptions,
): Promise<PeerCertificate> {
  signal?.throwIfAborted();
  const stop = (): void => client.close();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await client.connect(host, port);
    await client.useTLS({ rejectUnauthorized: false, host });
    const { socket } = client.ftp;
    if (socket instanceof TLSSocket) return socket.getPeerCertificate();
    throw new AppError('storage/untrusted', `"${host}" shows no certificate`);
  } catch (error) {
    signal?.throwIfAborted();
    const isKnown = error instanceof AppError || error instanceof FTPError;
    throw translateError(
      isKnown ? error : new ConnectionFailure(error),
      `encrypt the connection to "${host}"`,
    );
  } finally {
    signal?.removeEventListener('abort', stop);
    client.close();
  }
}
