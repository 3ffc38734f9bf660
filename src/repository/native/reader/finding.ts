/**
 * Something that reading a repository brought to light and that is not its end.
 *
 * - `damaged`: an object, or a part of one, that is not what it should be, or whose signature does not count.
 * - `unverified`: what a host signed of which there is no valid certificate: nobody can tell whether it is sound.
 * - `foreign`: an object whose name is none of this format's.
 * - `unmatched-seal`: a seal that is there without its final, or whose final is another one.
 * - `missing-snapshot`: a sequence number of a host that no seal has and nothing explains: somebody removed a snapshot.
 * - `fork`: two seals of one host that cannot both be true.
 * - `step-back`: a host had more seals when this machine last looked.
 * - `returned`: a snapshot that was forgotten is there again; it is ignored.
 */
export type FindingKind =
  | 'damaged'
  | 'unverified'
  | 'foreign'
  | 'unmatched-seal'
  | 'missing-snapshot'
  | 'fork'
  | 'step-back'
  | 'returned';

export interface Finding {
  readonly kind: FindingKind;
  /** `error`: data is or may be lost. */
  readonly severity: 'warning' | 'error';
  /** A sentence that names what it is about. */
  readonly message: string;
  /** Name of the object, where there is one. */
  readonly object: string | undefined;
  /** What can be done about it. */
  readonly hint?: string | undefined;
  /** So many snapshots are missing. */
  readonly missing?: number | undefined;
  /** The numbers that nobody has forgotten, and whose. */
  readonly gap?: { readonly hostId: string; readonly first: number; readonly last: number };
}
