/** `npm run servers -- [NAME …]`: starts servers of the tests, all of them by default, tells how to reach them, and waits for Ctrl-C. */
import { serverKinds } from './all.ts';
import { missingPrograms } from './required-programs.ts';
import type { TestServer } from './server.ts';

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(serverKinds, name));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no server ${unknown.join(', ')}. Known are: ${Object.keys(serverKinds).join(', ')}\n`,
  );
  process.exit(2);
}

const started: TestServer[] = [];
for (const name of wanted.length === 0 ? Object.keys(serverKinds) : wanted) {
  const kind = await serverKinds[name]?.();
  if (kind === undefined) continue;
  const missing = missingPrograms(kind.programs, {});
  if (missing !== false) {
    process.stderr.write(`${name}: ${missing}\n`);
    continue;
  }
  const server: TestServer = await kind.start();
  started.push(server);
  process.stdout.write(`${name}: ${kind.usage(server)}\n`);
}

if (started.length > 0) {
  process.stdout.write('Press Ctrl-C to end\n');
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    const alive = setInterval(() => undefined, 60_000);
    process.once('SIGINT', () => clearInterval(alive));
    process.once('SIGTERM', () => clearInterval(alive));
  });
  await Promise.all(started.map((server) => server[Symbol.asyncDispose]()));
}
