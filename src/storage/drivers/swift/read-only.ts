import { AppError } from '../../../base/errors.ts';
import type { Storage } from '../../storage.ts';

/** An archive from which old backups are read, and to which nothing is written. */
export function readOnly(storage: Storage): Storage {
  const refuse = (action: string): AppError =>
    new AppError(
      'storage/access-denied',
      `Cannot ${action}: "${storage.location}" is a cold archive, from which old backups are only read`,
      { hint: "Use a container of OVH's object storage (swift://) for new backups" },
    );
  return {
    location: storage.location,
    capabilities: storage.capabilities,
    get: (name, options) => storage.get(name, options),
    read: (name, options) => storage.read(name, options),
    stat: (name, options) => storage.stat(name, options),
    list: (prefix, options) => storage.list(prefix, options),
    async put(name) {
      throw refuse(`store "${name}"`);
    },
    async delete(name) {
      throw refuse(`delete "${name}"`);
    },
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}
