import { networkContract } from '../../../../test/contract/network-contract.ts';
import { startGoogleCloudStorage } from '../../../../test/servers/google-cloud-storage.ts';

const server = await startGoogleCloudStorage();
const urlOf = (place: string, port: number): string =>
  `gs://${place}/backups?endpoint=http://127.0.0.1:${port}`;

networkContract({
  title: 'Google Cloud Storage with a service account (simulated)',
  start: async () => server,
  prepare: (_, place) => server.bucket(place),
  url: (_, place, port) => urlOf(place, port),
  environment: () => ({ GOOGLE_APPLICATION_CREDENTIALS: server.keyFile }),
  wrongCredentials: (_, place, port) => `${urlOf(place, port)}&access-token=wrong-word`,
});
