import { constants } from 'node:os';

/** Errors of Linux that Node has no name for and that a file system gives: it is damaged, its device is gone, its key is not there. */
const linuxNames: Readonly<Record<string, number>> = {
  EUCLEAN: 117,
  EREMOTEIO: 121,
  ENOMEDIUM: 123,
  ENOKEY: 126,
};

const names = new Map<number, string>();
const linux = process.platform === 'linux' ? linuxNames : {};
for (const [name, number] of Object.entries({ ...constants.errno, ...linux })) {
  // ENOTSUP and EOPNOTSUPP, EAGAIN and EWOULDBLOCK share a number: the name that Node uses wins.
  const known = names.get(number);
  if (known === undefined || name === 'ENOTSUP' || name === 'EAGAIN') names.set(number, name);
}

/** The name of a system error number, `E134` for one that has none here. */
export function errorNameOf(errno: number): string {
  return names.get(errno) ?? `E${errno}`;
}
