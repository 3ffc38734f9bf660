import { libc } from './libc.ts';
import { posixSupport } from './support.ts';

/** A look-up whose answers, also "nobody", are kept for the life of the thread. */
function remembered<Key, Value>(look: (key: Key) => Value | undefined) {
  const known = new Map<Key, Value | undefined>();
  return (key: Key): Value | undefined => {
    if (known.has(key)) return known.get(key);
    const value = posixSupport().native ? look(key) : undefined;
    known.set(key, value);
    return value;
  };
}

/** The login name of a user number, `undefined` if this host knows none. */
export const userNameOf = remembered((uid: number) => libc().userById(uid)?.name);

/** The name of a group number, `undefined` if this host knows none. */
export const groupNameOf = remembered((gid: number) => libc().groupById(gid)?.name);

/** The number of a user on this host, `undefined` if there is no such user. */
export const userIdOf = remembered((name: string) => libc().userByName(name)?.id);

/** The number of a group on this host, `undefined` if there is no such group. */
export const groupIdOf = remembered((name: string) => libc().groupByName(name)?.id);
