import type { TestServer } from './server.ts';

/** A server that the tests start, and that `npm run servers -- NAME` starts to be tried by hand. */
export interface ServerKind<Server extends TestServer = TestServer> {
  readonly name: string;
  /** Programs and files without which it cannot run. */
  readonly programs: readonly string[];
  start(): Promise<Server>;
  /** A destination on it, with its credentials, and variables that have to be set. */
  usage(server: Server): string;
}
