import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { ServerKind } from './server-kind.ts';
import { simulatedUrl } from './simulators/simulated-oauth.ts';
import { type SimulatorServer, startSimulator } from './simulators/start-simulator.ts';

export interface GoogleDriveServer extends SimulatorServer {
  /** JSON key of the service account that it knows. */
  readonly keyFile: string;
}

/** A simulated Google Drive. */
export const serverKind: ServerKind<GoogleDriveServer> = {
  name: 'google-drive',
  programs: [],
  async start() {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const file = fileURLToPath(import.meta.resolve('./simulators/google-drive.ts'));
    const server = await startSimulator(file, {
      prepare: (directory) => writeFile(path.join(directory, 'service-account.pub'), publicKey),
    });
    const keyFile = path.join(server.directory, 'service-account.json');
    const key = {
      type: 'service_account',
      private_key_id: '1',
      private_key: privateKey,
      client_email: 'backup@project.example',
    };
    await writeFile(keyFile, JSON.stringify(key), { mode: 0o600 });
    return { ...server, keyFile };
  },
  usage: ({ port }) => simulatedUrl('googledrive://backups', { port }),
};
