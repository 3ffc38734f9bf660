import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob';

import { systemClock } from '../../src/base/clock.ts';
import { testCertificate } from './certificate.ts';
import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

const program = fileURLToPath(import.meta.resolve('azurite/dist/src/blob/main.js'));

export interface AzuriteServer extends TestServer {
  readonly account: string;
  readonly key: string;
  /** `http://127.0.0.1:PORT/ACCOUNT`, or with https. */
  endpoint(port?: number): string;
  /** The certificate to trust, where it speaks TLS. */
  readonly certificate: string | undefined;
  /** A container by the vendor's own client (without TLS only), which need not exist. */
  container(name: string): ContainerClient;
}

/** Microsoft's own emulator of Azure Storage; with a certificate it speaks TLS, and accepts tokens of Entra ID. */
export async function startAzurite({
  tls,
}: { readonly tls?: 'valid' | 'expired' } = {}): Promise<AzuriteServer> {
  const directory = await serverDirectory();
  const port = await freePort();
  const account = 'holdfast';
  const key = Buffer.from('a key of the tests, thirty-two..').toString('base64');
  const files =
    tls === undefined
      ? undefined
      : await testCertificate(directory, { expired: tls === 'expired' });
  const server = await startServer({
    directory,
    port,
    programs: [
      {
        argv: [
          process.execPath,
          '--import',
          path.join(import.meta.dirname, 'azurite-saving.ts'),
          program,
          '--blobHost',
          '127.0.0.1',
          '--blobPort',
          String(port),
          '--location',
          directory,
          '--silent',
          '--disableTelemetry',
          '--skipApiVersionCheck',
          ...(files === undefined
            ? []
            : ['--cert', files.certificate, '--key', files.key, '--oauth', 'basic']),
        ],
        environment: { AZURITE_ACCOUNTS: `${account}:${key}`, NODE_OPTIONS: '' },
      },
    ],
    patience: 60_000,
  });
  const scheme = files === undefined ? 'http' : 'https';
  const endpoint = (at = port): string => `${scheme}://127.0.0.1:${at}/${account}`;
  return {
    ...server,
    async kill() {
      await saveAndCrash(directory);
      await server.kill();
    },
    account,
    key,
    endpoint,
    certificate: files?.certificate,
    container: (name) =>
      new ContainerClient(`${endpoint()}/${name}`, new StorageSharedKeyCredential(account, key)),
  };
}

/** Waits until it has written what it knows and is gone. */
async function saveAndCrash(directory: string): Promise<void> {
  const pid = Number(await readFile(path.join(directory, 'pid'), 'utf8'));
  for (let waited = 0; waited < 10_000; waited += 10) {
    try {
      process.kill(pid, waited === 0 ? 'SIGUSR2' : 0);
    } catch {
      return;
    }
    await systemClock.sleep(10);
  }
}

export const serverKind: ServerKind<AzuriteServer> = {
  name: 'azurite',
  programs: [program],
  start: () => startAzurite(),
  usage: ({ account, key, endpoint }) =>
    `azure://backups?create-container=yes&account=${account}&endpoint=${encodeURIComponent(endpoint())}&key=${encodeURIComponent(key)}`,
};
