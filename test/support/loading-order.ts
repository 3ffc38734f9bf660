/**
 * Loaded before the program (`--import`): writes to the file that LOADING_ORDER names, in their order, the modules that are loaded, and `argon2` whenever a key is
 * begun to be derived. Timers last a thousand times as long, so that a busy machine does not look like a destination that is far away.
 */
import { appendFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';

const file = process.env['LOADING_ORDER'];
const note = (line: string): void => {
  if (file !== undefined) appendFileSync(file, `${line}\n`);
};

const realTimeout = globalThis.setTimeout;
globalThis.setTimeout = ((callback: () => void, milliseconds = 0) =>
  realTimeout(callback, milliseconds * 1000)) as typeof setTimeout;

const library = createRequire(import.meta.url)('@node-rs/argon2') as {
  -readonly [Name in 'hashRaw']: (typeof import('@node-rs/argon2'))[Name];
};
const { hashRaw } = library;
library.hashRaw = (...parameters) => {
  note('argon2');
  return hashRaw(...parameters);
};

registerHooks({
  load(url, context, nextLoad) {
    note(url);
    return nextLoad(url, context);
  },
});
