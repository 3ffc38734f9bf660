/** Kinds of packets (RFC 4880, 4.3, and 20 of GnuPG 2.3). */
export const packetTag = {
  publicKeySessionKey: 1,
  signature: 2,
  symmetricKeySessionKey: 3,
  onePassSignature: 4,
  compressed: 8,
  encrypted: 9,
  marker: 10,
  literal: 11,
  protected: 18,
  modificationDetection: 19,
  authenticated: 20,
} as const;
