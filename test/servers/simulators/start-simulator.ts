import { freePort, serverDirectory, startServer, type TestServer } from '../server.ts';
import { testCertificate } from '../certificate.ts';
import type { Control } from './simulator.ts';

/** A simulated service in a process of its own. */
export interface SimulatorServer extends TestServer {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** File with its certificate, where it has one. */
  readonly certificate?: string;
  /** Changes how it behaves from now on. */
  steer(control: Control): Promise<void>;
  /** How often things have happened since it was started. */
  counts(): Promise<Readonly<Record<string, number>>>;
}

export interface SimulatorOptions {
  /** Serve with a certificate for `localhost` that signs itself; a good one or an expired one. */
  readonly tls?: 'good' | 'expired';
  /** Done before it starts. */
  readonly prepare?: (directory: string) => Promise<void>;
}

/** Starts the program `file` of this folder and waits until it answers. */
export async function startSimulator(
  file: string,
  { tls, prepare }: SimulatorOptions = {},
): Promise<SimulatorServer> {
  const directory = await serverDirectory();
  const port = await freePort();
  const certificate = tls && (await testCertificate(directory, { expired: tls === 'expired' }));
  await prepare?.(directory);
  const server = await startServer({
    directory,
    port,
    programs: [
      {
        argv: [
          process.execPath,
          file,
          String(port),
          directory,
          ...(certificate === undefined ? [] : [certificate.certificate, certificate.key]),
        ],
      },
    ],
  });
  const address = `http://127.0.0.1:${port}/_control`;
  return {
    ...server,
    origin: `${tls === undefined ? 'http://127.0.0.1' : 'https://localhost'}:${port}`,
    ...(certificate !== undefined && { certificate: certificate.certificate }),
    async steer(control) {
      const answer = await fetch(address, { method: 'POST', body: JSON.stringify(control) });
      if (!answer.ok) throw new Error(`The simulator does not obey: ${answer.status}`);
      await answer.arrayBuffer();
    },
    async counts() {
      const answer = (await (await fetch(address)).json()) as {
        readonly counts: Readonly<Record<string, number>>;
      };
      return answer.counts;
    },
  };
}
