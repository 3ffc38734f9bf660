import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode, type AppError } from '../../../base/errors.ts';
import { eachPool } from '../../../base/pool.ts';
import type { SealingKeys } from '../../../codec/encryption/sealed-object.ts';
import type { Storage } from '../../../storage/storage.ts';
import {
  decodeHostCertificate,
  twinNumber,
  type HostCertificate,
} from '../objects/host-certificate.ts';
import { parseObjectName } from '../objects/object-name.ts';
import { ownerSignerId, type FindSigner, type KnownSigner } from '../objects/signed-body.ts';
import {
  readCertificates,
  type StoredCertificate,
  type StoredCertificates,
} from './stored-certificates.ts';

/** Keys that hosts are looked up with. */
export interface DirectoryKeys extends SealingKeys {
  readonly ownerPublic: Uint8Array;
}

/** The machines of a repository, by their certificates. */
export class HostDirectory {
  readonly #hosts = new Map<string, HostCertificate>();
  readonly #owner: KnownSigner;
  readonly #keys: SealingKeys;
  #problems: readonly AppError[] = [];
  /** The numbers of each host's certificates, valid or not. */
  readonly #numbers = new Map<string, Set<number>>();

  private constructor(keys: DirectoryKeys) {
    this.#keys = keys;
    this.#owner = {
      id: ownerSignerId,
      publicKey: keys.ownerPublic,
      role: 'owner',
      state: 'active',
      revokedAfter: undefined,
    };
  }

  /** Reads all certificates, unless they are `stored` already; of each host the valid one with the largest number counts. */
  static async load(
    storage: Storage,
    keys: DirectoryKeys,
    {
      signal,
      stored = readCertificates(storage, { signal }),
    }: CallOptions & { readonly stored?: Promise<StoredCertificates> } = {},
  ): Promise<HostDirectory> {
    const directory = new HostDirectory(keys);
    await directory.#take(storage, await stored, { signal });
    return directory;
  }

  /** Reads the certificates again: machines may have come since, and others may have been revoked. */
  async refresh(storage: Storage, { signal }: CallOptions = {}): Promise<void> {
    await this.#take(storage, await readCertificates(storage, { signal }), { signal });
  }

  async #take(
    storage: Storage,
    stored: StoredCertificates,
    { signal }: CallOptions,
  ): Promise<void> {
    const problems: AppError[] = [];
    // Up to as many hosts at a time as the storage likes calls.
    const atOnce = Math.max(1, storage.capabilities.concurrency);
    const take = async (host: StoredCertificate, call: CallOptions): Promise<void> => {
      problems.push(...(await this.#takeNewest(storage, host, call)));
    };
    await eachPool(stored, atOnce, take, { signal });
    this.#problems = problems;
  }

  /** Certificates that do not count, to be reported. */
  get problems(): readonly AppError[] {
    return this.#problems;
  }

  /** Looks up a host, or the owner key. */
  readonly find: FindSigner = (id) => {
    if (id === ownerSignerId) return this.#owner;
    const host = this.#hosts.get(id);
    if (host === undefined) return undefined;
    const { publicKey, role, state, revokedAfter } = host;
    return { id, publicKey, role, state, revokedAfter };
  };

  certificate(hostId: string): HostCertificate | undefined {
    return this.#hosts.get(hostId);
  }

  /** The largest number that a certificate of this host has, also one that does not count; 0 if there is none. */
  largestNumber(hostId: string): number {
    return Math.max(0, ...(this.#numbers.get(hostId) ?? []));
  }

  /** Certificates that are to be published as well, since there is nothing under the second number of a pair. */
  missingTwins(): HostCertificate[] {
    return this.certificates()
      .map((certificate) => ({ ...certificate, number: twinNumber(certificate.number) }))
      .filter(({ id, number }) => this.#numbers.get(id)?.has(number) !== true);
  }

  certificates(): HostCertificate[] {
    return [...this.#hosts.values()];
  }

  /** Takes note of a certificate that was just published. */
  add(certificate: HostCertificate): void {
    const known = this.#hosts.get(certificate.id);
    if (known === undefined || known.number < certificate.number) {
      this.#hosts.set(certificate.id, certificate);
    }
    this.#note(certificate);
  }

  #note({ id, number }: Pick<HostCertificate, 'id' | 'number'>): void {
    const numbers = this.#numbers.get(id);
    if (numbers === undefined) this.#numbers.set(id, new Set([number]));
    else numbers.add(number);
  }

  /** Gives what was wrong with those that do not count. */
  async #takeNewest(
    storage: Storage,
    { names, newest }: StoredCertificate,
    { signal }: CallOptions,
  ): Promise<AppError[]> {
    const problems: AppError[] = [];
    for (const name of names) {
      const parsed = parseObjectName(name);
      if (parsed?.type === 'host') this.#note(parsed);
    }
    for (const [index, name] of names.entries()) {
      try {
        const bytes = index === 0 ? newest : await storage.read(name, { signal });
        if (bytes === undefined) continue;
        const verifying = { keys: this.#keys, findSigner: this.find };
        this.add(decodeHostCertificate(name, bytes, verifying).value);
        return problems;
      } catch (error) {
        if (hasCode(error, 'storage/not-found')) continue; // Removed since it was listed.
        if (!hasCode(error, 'repository/damaged', 'repository/unsupported')) throw error;
        problems.push(error);
      }
    }
    return problems;
  }
}
