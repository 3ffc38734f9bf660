import type { DocumentSeal } from './document-seal.ts';

/** The seal that the catalog has now; another one after its key was changed. */
export interface SealHolder {
  current: DocumentSeal;
}
