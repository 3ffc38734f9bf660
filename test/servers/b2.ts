import path from 'node:path';

import { testCertificate } from './certificate.ts';
import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

const python = '/usr/bin/python3';
const shim = path.join(import.meta.dirname, 'b2-shim.py');

export interface B2Key {
  readonly id: string;
  readonly key: string;
}

/** How a call fails once. */
export interface B2Fault {
  readonly status: number;
  readonly code: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface B2State {
  /** All versions: name and action (`upload`, `hide`, `start`). */
  readonly files: readonly (readonly [name: string, action: string])[];
  /** How often each operation was called. */
  readonly calls: Readonly<Record<string, number>>;
  /** With which retention each file was stored, in order. */
  readonly locks: readonly ({
    readonly mode: string;
    readonly retainUntilTimestamp: number;
  } | null)[];
}

export interface B2Server extends TestServer {
  /** The key that may do everything. */
  readonly master: B2Key;
  endpoint(port?: number): string;
  /** The certificate to trust, where it speaks TLS. */
  readonly certificate: string | undefined;
  createBucket(name: string): Promise<void>;
  createKey(restrictions: {
    readonly capabilities: readonly string[];
    readonly bucket?: string;
    readonly prefix?: string;
  }): Promise<B2Key>;
  /** All tokens that were given until now end. */
  expireTokens(): Promise<void>;
  /** The next calls of an operation (`b2_list_buckets`, `upload_file`, `upload_part`, `download` …) fail. */
  fail(operation: string, ...faults: readonly B2Fault[]): Promise<void>;
  state(bucket: string): Promise<B2State>;
}

/** The simulator of the API that Backblaze tests its own client with, behind HTTP. It keeps everything in memory. */
export async function startB2({
  tls,
}: { readonly tls?: 'valid' | 'expired' } = {}): Promise<B2Server> {
  const directory = await serverDirectory();
  const port = await freePort();
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
          python,
          shim,
          String(port),
          ...(files === undefined ? [] : [files.certificate, files.key]),
        ],
      },
    ],
  });
  const endpoint = (at = port): string =>
    `${files === undefined ? 'http' : 'https'}://127.0.0.1:${at}`;
  const control = async (operation: string, body: unknown): Promise<unknown> => {
    const response = await fetch(`${endpoint()}/control/${operation}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${operation}: ${await response.text()}`);
    return await response.json();
  };
  return {
    ...server,
    master: { id: 'account-0', key: 'masterKey-0' },
    endpoint,
    certificate: files?.certificate,
    async createBucket(name) {
      await control('create_bucket', { name });
    },
    async createKey(restrictions) {
      // Our own shim answers so.
      const made = (await control('create_key', restrictions)) as {
        readonly applicationKeyId: string;
        readonly applicationKey: string;
      };
      return { id: made.applicationKeyId, key: made.applicationKey };
    },
    async expireTokens() {
      await control('expire_tokens', {});
    },
    async fail(operation, ...faults) {
      await control('fail', {
        operation,
        faults: faults.map(({ status, code, headers = {} }) => [status, code, headers]),
      });
    },
    state: async (bucket) => (await control('state', { bucket })) as B2State,
  };
}

export const serverKind: ServerKind<B2Server> = {
  name: 'b2',
  programs: [python, '/usr/lib/python3/dist-packages/b2sdk/raw_simulator.py'],
  start: () => startB2(),
  usage: ({ master, endpoint }) =>
    `b2://${master.id}:${master.key}@backups?create-bucket=yes&endpoint=${encodeURIComponent(endpoint())}`,
};
