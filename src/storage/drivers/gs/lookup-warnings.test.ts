import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';

import { systemClock } from '../../../base/clock.ts';
import { hasCode } from '../../../base/errors.ts';
import { HttpClient } from '../../network/http-client.ts';
import { GoogleTokens } from './google-tokens.ts';
import type { GsOptions } from './gs-options.ts';
import { withoutLookupWarnings } from './lookup-warnings.ts';

/** The warnings that are heard meanwhile. */
async function heard(call: () => Promise<unknown>): Promise<string[]> {
  const names: string[] = [];
  const listen = ({ name }: Error): void => void names.push(name);
  process.on('warning', listen);
  try {
    await call();
    // They are told in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('warning', listen);
  }
  return names;
}

test('a machine without credentials and without a metadata server is told of by an error alone', async () => {
  await using server = createServer((_, response) => void response.writeHead(500).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  // The library reads the environment of the process.
  const before = { ...process.env };
  process.env['GCE_METADATA_HOST'] = `127.0.0.1:${port}`;
  process.env['HOME'] = '/nowhere';
  delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
  try {
    await using client = new HttpClient({ connections: 1, environment: {} });
    const tokens = (): GoogleTokens =>
      new GoogleTokens({} as GsOptions, { clock: systemClock, client });
    const isRefused = (error: unknown): boolean =>
      hasCode(error, 'storage/access-denied') && /no usable credentials/u.test(error.message);
    // Two at once, as the parts of one destination ask for them.
    const ask = () =>
      Promise.all(
        [tokens(), tokens()].map((one) => assert.rejects(one.headers({}, {}), isRefused)),
      );
    assert.deepEqual(await heard(ask), []);
  } finally {
    process.env = before;
  }
});

test('only that warning is not heard, only meanwhile, and however the calls overlap', async () => {
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const warn = (): void => {
    process.emitWarning('of the library', 'MetadataLookupWarning');
    process.emitWarning('of somebody else', 'OtherWarning');
  };
  const names = await heard(async () => {
    const calls = [first, second].map(({ promise }) => withoutLookupWarnings(() => promise));
    warn();
    first.resolve();
    await calls[0];
    warn();
    second.reject(new Error('over'));
    await assert.rejects(calls[1]!, /over/u);
    warn();
  });
  assert.deepEqual(names, [
    'OtherWarning',
    'OtherWarning',
    'MetadataLookupWarning',
    'OtherWarning',
  ]);
});
