import { forward } from '../../src/storage/layers/forward.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { steered, type StorageMethod } from './faulty-storage.ts';

export interface RecordedCall {
  readonly method: StorageMethod;
  /** The object's name, or the prefix of a listing. */
  readonly name: string;
}

/** A storage that remembers what was called, in the order in which the calls began. */
export function recording(inner: Storage): Storage & { readonly calls: RecordedCall[] } {
  const calls: RecordedCall[] = [];
  const storage = steered(inner, (method, name) => {
    calls.push({ method, name });
    return undefined;
  });
  return { ...storage, calls };
}

/** A storage that rejects every change with the error. */
export function readOnly(inner: Storage, error: Error): Storage {
  return {
    ...forward(inner),
    put: () => Promise.reject(error),
    delete: () => Promise.reject(error),
  };
}
