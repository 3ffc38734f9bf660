import { forward } from '../../src/storage/layers/forward.ts';
import type { Storage } from '../../src/storage/storage.ts';

export interface LoggedMoment {
  readonly method: 'put' | 'delete' | 'stat' | 'list' | 'read' | 'get';
  /** The object's name, or the prefix of a listing. */
  readonly name: string;
  readonly moment: 'begin' | 'end';
}

/** A storage that notes when each call begins and when it was answered. */
export function logged(inner: Storage): Storage & { readonly log: LoggedMoment[] } {
  const log: LoggedMoment[] = [];
  async function note<Result>(
    method: LoggedMoment['method'],
    name: string,
    call: () => Promise<Result>,
  ): Promise<Result> {
    log.push({ method, name, moment: 'begin' });
    const result = await call();
    log.push({ method, name, moment: 'end' });
    return result;
  }
  return {
    ...forward(inner),
    log,
    put: (name, body, options) => note('put', name, () => inner.put(name, body, options)),
    get: (name, options) => note('get', name, () => inner.get(name, options)),
    read: (name, options) => note('read', name, () => inner.read(name, options)),
    stat: (name, options) => note('stat', name, () => inner.stat(name, options)),
    delete: (name, options) => note('delete', name, () => inner.delete(name, options)),
    async *list(prefix, options) {
      log.push({ method: 'list', name: prefix, moment: 'begin' });
      yield* inner.list(prefix, options);
      log.push({ method: 'list', name: prefix, moment: 'end' });
    },
  };
}
