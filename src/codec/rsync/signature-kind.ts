/** Which sums a signature is made of: the weak one, then the strong one. */
export type SignatureKind =
  | 'rollsum-md4'
  | 'rollsum-blake2b'
  | 'rabin-karp-md4'
  | 'rabin-karp-blake2b';

/** What follows from the kind of a signature (docs/formats/duplicity.md 8.1). */
export interface SignatureTraits {
  /** The first four bytes of the file, as a number. */
  readonly magic: number;
  readonly weak: 'rollsum' | 'rabinKarp';
  readonly strong: 'md4' | 'blake2b';
  /** Bytes of the whole strong sum: no signature holds more of it. */
  readonly mostStrong: number;
}

export const signatureKinds: Readonly<Record<SignatureKind, SignatureTraits>> = {
  'rollsum-md4': { magic: 0x72730136, weak: 'rollsum', strong: 'md4', mostStrong: 16 },
  'rollsum-blake2b': { magic: 0x72730137, weak: 'rollsum', strong: 'blake2b', mostStrong: 32 },
  'rabin-karp-md4': { magic: 0x72730146, weak: 'rabinKarp', strong: 'md4', mostStrong: 16 },
  'rabin-karp-blake2b': { magic: 0x72730147, weak: 'rabinKarp', strong: 'blake2b', mostStrong: 32 },
};

/** The kind with this magic number, if there is one. */
export function signatureKindOf(magic: number): SignatureKind | undefined {
  return (Object.keys(signatureKinds) as SignatureKind[]).find(
    (kind) => signatureKinds[kind].magic === magic,
  );
}
