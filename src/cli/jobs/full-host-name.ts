import { lookup, lookupService } from 'node:dns/promises';
import { hostname } from 'node:os';

import type { Clock } from '../../base/clock.ts';

/** A server for names that does not answer must not keep a backup waiting; in milliseconds. */
const PATIENCE = 1500;

/** The name of this machine with its domain, if that can be found out, else without. */
export async function fullHostName({ clock }: { readonly clock: Clock }): Promise<string> {
  const name = hostname();
  if (name.includes('.')) return name;
  const done = new AbortController();
  const found = lookup(name).then(({ address }) => lookupService(address, 0));
  const late = clock.sleep(PATIENCE, { signal: done.signal }).then(() => undefined);
  late.catch(() => undefined); // it was not needed
  try {
    const full = (await Promise.race([found, late]))?.hostname ?? '';
    return full.startsWith(`${name}.`) ? full : name;
  } catch {
    return name; // nobody knows more
  } finally {
    found.catch(() => undefined);
    done.abort();
  }
}
