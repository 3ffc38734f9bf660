import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { ServerKind } from './server-kind.ts';
import { interoperabilityKey } from './simulators/gcs-accounts.ts';
import type { SimulatedBucket } from './simulators/gcs-state.ts';
import {
  type SimulatorOptions,
  type SimulatorServer,
  startSimulator,
} from './simulators/start-simulator.ts';

/** A simulated Google Cloud Storage. */
export interface GoogleCloudStorageServer extends SimulatorServer {
  /** The file with the key of its service account. */
  readonly keyFile: string;
  /** What is in that file. */
  readonly key: string;
  /** Makes a bucket, or changes what it is like. */
  bucket(name: string, attributes?: Partial<SimulatedBucket>): Promise<void>;
  /** Puts a temporary hold on an object. */
  hold(bucket: string, name: string): Promise<void>;
}

export async function startGoogleCloudStorage(
  options: SimulatorOptions = {},
): Promise<GoogleCloudStorageServer> {
  const server = await startSimulator(
    fileURLToPath(import.meta.resolve('./simulators/google-cloud-storage.ts')),
    options,
  );
  const keyFile = path.join(server.directory, 'service-account.json');
  const prepare = async (what: string, body: object): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/_gs/${what}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`The simulator does not obey: ${answer.status}`);
  };
  return {
    ...server,
    keyFile,
    key: await readFile(keyFile, 'utf8'),
    bucket: (name, attributes = {}) => prepare(`bucket/${name}`, attributes),
    hold: (bucket, name) => prepare(`hold/${bucket}/${name}`, {}),
  };
}

export const serverKind: ServerKind<GoogleCloudStorageServer> = {
  name: 'google-cloud-storage',
  programs: [],
  start: () => startGoogleCloudStorage(),
  usage: ({ port, keyFile }) =>
    `GOOGLE_APPLICATION_CREDENTIALS=${keyFile} gs://backups?endpoint=http://127.0.0.1:${port}&create-bucket&project=demo, or GS_ACCESS_KEY_ID=${interoperabilityKey.id} GS_SECRET_ACCESS_KEY=${interoperabilityKey.secret}`,
};
