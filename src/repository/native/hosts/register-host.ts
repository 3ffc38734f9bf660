import { equalBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { RandomBytes } from '../../../base/random.ts';
import { signerFromSeed } from '../../../codec/encryption/signature.ts';
import type { Storage } from '../../../storage/storage.ts';
import { ownerSigner, type KeyRing } from '../keys/key-ring.ts';
import {
  decodeHostCertificate,
  encodeHostCertificate,
  nextPair,
  type HostCertificate,
} from '../objects/host-certificate.ts';
import type { ObjectSigner } from '../objects/signed-body.ts';
import type { HostDirectory } from './host-directory.ts';
import type { LocalHost, LocalState } from './local-state.ts';

export interface RegisterOptions extends CallOptions {
  readonly random: RandomBytes;
  readonly clock: Clock;
  /** What the machine is called; for people. */
  readonly name: string;
  /** The storage has no valid certificate of this machine, even if the directory knows one from a copy. */
  readonly isOwnLost?: boolean;
}

/**
 * Makes sure that this machine may sign in the repository, and gives its signer. An owner's machine registers itself; a new key is
 * made if the local state is lost or its key no longer serves. A certificate that is lost or damaged is written anew, so that what the machine has signed
 * counts again. Throws an `AppError` (`repository/not-permitted`) if the machine has no
 * certificate and the ring cannot sign one, or if it was revoked.
 *
 * An owner also publishes what is missing of a pair of certificates, of whichever host: without any, nothing that a host has signed can be verified, and a host that
 * is gone cannot write its own again.
 */
export async function registerHost(
  storage: Storage,
  ring: KeyRing,
  directory: HostDirectory,
  local: LocalState,
  options: RegisterOptions,
): Promise<ObjectSigner> {
  // Kept before it is published: a certificate without its key would serve nobody.
  const host = local.host ?? (await local.keepHost(newHost(options.random)));
  const signer =
    (await certify(storage, ring, directory, host, options)) ??
    (await registerAnew(storage, ring, directory, local, host, options));
  if (ring.ownerSeed !== undefined) {
    for (const certificate of directory.missingTwins()) {
      await publish(storage, ring, directory, certificate, options);
    }
  }
  return signer;
}

/** Gives the signer of another host. */
async function registerAnew(
  storage: Storage,
  ring: KeyRing,
  directory: HostDirectory,
  local: LocalState,
  host: LocalHost,
  options: RegisterOptions,
): Promise<ObjectSigner> {
  // Something else lies under this id: the local state, or the storage, is not what it was.
  await local.dropHost(host.id);
  const fresh = await local.keepHost(newHost(options.random));
  const second = await certify(storage, ring, directory, fresh, options);
  if (second !== undefined) return second;
  throw new AppError(
    'repository/damaged',
    `This machine cannot register in "${storage.location}": its certificate does not read back`,
  );
}

/** The host's signer once it has a valid certificate; `undefined` if another key's certificate, or none that is valid, lies under its id. */
async function certify(
  storage: Storage,
  ring: KeyRing,
  directory: HostDirectory,
  host: LocalHost,
  options: RegisterOptions,
): Promise<ObjectSigner | undefined> {
  const { publicKey, sign } = signerFromSeed(host.seed);
  const known = directory.certificate(host.id);
  const certificate =
    known ??
    (await publish(
      storage,
      ring,
      directory,
      newCertificate(host.id, nextPair(directory.largestNumber(host.id)), publicKey, ring, options),
      options,
    ));
  if (certificate === undefined || !equalBytes(certificate.publicKey, publicKey)) return undefined;
  if (certificate.state === 'revoked') {
    throw new AppError(
      'repository/not-permitted',
      `This machine ("${certificate.name}", host ${host.id}) was revoked in "${storage.location}"`,
    );
  }
  const isLost = options.isOwnLost === true && ring.ownerSeed !== undefined;
  if (certificate.state === 'retired' || (isLost && certificate === known)) {
    const number = nextPair(directory.largestNumber(host.id));
    const again = { ...certificate, number, state: 'active' } as const;
    await publish(storage, ring, directory, again, options);
  }
  return { id: host.id, sign };
}

/** Gives the certificate that is there then: this one, or that of another process which was faster; `undefined` if that is not valid. */
async function publish(
  storage: Storage,
  ring: KeyRing,
  directory: HostDirectory,
  certificate: HostCertificate,
  { random, signal }: RegisterOptions,
): Promise<HostCertificate | undefined> {
  if (ring.ownerSeed === undefined) {
    throw new AppError(
      'repository/not-permitted',
      `This machine is not registered in "${storage.location}"`,
      { hint: 'An owner makes a key for it with "holdfast key add --host"' },
    );
  }
  const { name, bytes } = encodeHostCertificate(certificate, {
    keys: ring,
    signer: ownerSigner(ring),
    random,
  });
  try {
    await storage.put(name, bytes, { ifAbsent: true, signal });
  } catch (error) {
    if (!hasCode(error, 'storage/already-exists')) throw error;
    return await readCertificate(storage, ring, directory, name, { signal });
  }
  directory.add(certificate);
  return certificate;
}

async function readCertificate(
  storage: Storage,
  ring: KeyRing,
  directory: HostDirectory,
  name: string,
  { signal }: CallOptions,
): Promise<HostCertificate | undefined> {
  const bytes = await storage.read(name, { signal });
  try {
    const verifying = { keys: ring, findSigner: directory.find };
    const { value } = decodeHostCertificate(name, bytes, verifying);
    directory.add(value);
    return value;
  } catch (error) {
    if (hasCode(error, 'repository/damaged')) return undefined; // The caller takes another id.
    throw error;
  }
}

/** Its number is larger than that of any that is there and cannot be read: nothing is overwritten. */
function newCertificate(
  id: string,
  number: number,
  publicKey: Uint8Array,
  ring: KeyRing,
  { name, clock }: RegisterOptions,
): HostCertificate {
  return {
    id,
    number,
    publicKey,
    name,
    role: ring.role,
    state: 'active',
    revokedAfter: undefined,
    created: clock.now(),
  };
}

function newHost(random: RandomBytes): LocalHost {
  return { id: toHex(random(16)), seed: random(32) };
}
