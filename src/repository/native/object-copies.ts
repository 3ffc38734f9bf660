import { toHex } from '../../base/bytes.ts';
import { hasCode } from '../../base/errors.ts';
import { sha256 } from '../../codec/encryption/key-derivation.ts';
import { keyPairFromSeed, type XWingSecret } from '../../codec/encryption/x-wing.ts';
import type { KeyRing } from './keys/key-ring.ts';
import { decodeAudit } from './objects/audit.ts';
import { decodeFinal } from './objects/final.ts';
import { decodeForget } from './objects/forget.ts';
import { decodeHostCertificate } from './objects/host-certificate.ts';
import { objectPrefixes, parseObjectName } from './objects/object-name.ts';
import { decodeSeal } from './objects/seal.ts';
import type { Verifying } from './objects/signed-object.ts';

const prefixes = [
  objectPrefixes.host,
  objectPrefixes.index,
  objectPrefixes.final,
  objectPrefixes.seal,
  objectPrefixes.audit,
  objectPrefixes.forget,
];

/** Whether a machine keeps a copy of an object of this name: it is small, needed again and again, and never changes. */
export function isCopied(name: string): boolean {
  return prefixes.some((prefix) => name.startsWith(prefix));
}

/**
 * Whether bytes are the object of a name, as far as the keys tell. Only such are kept: so a copy is at least as good as what the storage has, and a damaged
 * object can be written again from it.
 */
export function soundness(
  ring: KeyRing,
  verifying: Verifying,
): (name: string, bytes: Uint8Array) => boolean {
  const { repositoryId, metaSeed } = ring;
  let metaSecret: XWingSecret | undefined;
  const decodeSnapshot = (name: string, bytes: Uint8Array): boolean => {
    if (metaSeed === undefined) return false;
    metaSecret ??= keyPairFromSeed(metaSeed).secret;
    decodeFinal(name, bytes, { repositoryId, metaSecret, findSigner: verifying.findSigner });
    return true;
  };
  return (name, bytes) => {
    const parsed = parseObjectName(name);
    try {
      switch (parsed?.type) {
        case 'index':
          return toHex(sha256(bytes)) === parsed.hash;
        case 'final':
          return decodeSnapshot(name, bytes);
        case 'seal':
          decodeSeal(name, bytes, verifying);
          return true;
        case 'forget':
          decodeForget(name, bytes, verifying);
          return true;
        case 'audit':
          decodeAudit(name, bytes, verifying);
          return true;
        case 'host':
          decodeHostCertificate(name, bytes, verifying);
          return true;
        default:
          return false;
      }
    } catch (error) {
      if (hasCode(error, 'repository/damaged', 'repository/unsupported')) return false;
      throw error;
    }
  };
}
