import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode, type AppError } from '../../../base/errors.ts';
import type { SealingKeys } from '../../../codec/encryption/sealed-object.ts';
import type { Storage } from '../../../storage/storage.ts';
import { decodeHostCertificate, type HostCertificate } from '../objects/host-certificate.ts';
import { objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import { ownerSignerId, type FindSigner, type KnownSigner } from '../objects/signed-body.ts';

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

  /** Reads all certificates; of each host the valid one with the largest number counts. */
  static async load(
    storage: Storage,
    keys: DirectoryKeys,
    { signal }: CallOptions = {},
  ): Promise<HostDirectory> {
    const directory = new HostDirectory(keys);
    await directory.refresh(storage, { signal });
    return directory;
  }

  /** Reads the certificates again: machines may have come since, and others may have been revoked. */
  async refresh(storage: Storage, { signal }: CallOptions = {}): Promise<void> {
    const problems: AppError[] = [];
    const hosts = [...(await listCertificates(storage, { signal })).values()];
    // Up to as many hosts at a time as the storage likes calls.
    const step = Math.max(1, storage.capabilities.concurrency);
    for (let start = 0; start < hosts.length; start += step) {
      await Promise.all(
        hosts.slice(start, start + step).map(async (names) => {
          problems.push(...(await this.#readNewest(storage, names, { signal })));
        }),
      );
    }
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

  certificates(): HostCertificate[] {
    return [...this.#hosts.values()];
  }

  /** Takes note of a certificate that was just published. */
  add(certificate: HostCertificate): void {
    const known = this.#hosts.get(certificate.id);
    if (known === undefined || known.number < certificate.number) {
      this.#hosts.set(certificate.id, certificate);
    }
  }

  /** `names` in descending order of numbers. Gives what was wrong with those that do not count. */
  async #readNewest(
    storage: Storage,
    names: readonly string[],
    { signal }: CallOptions,
  ): Promise<AppError[]> {
    const problems: AppError[] = [];
    for (const name of names) {
      try {
        const bytes = await storage.read(name, { signal });
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

/** The names of each host's certificates, largest number first. */
async function listCertificates(
  storage: Storage,
  { signal }: CallOptions,
): Promise<Map<string, string[]>> {
  const found = new Map<string, { name: string; number: number }[]>();
  for await (const { name } of storage.list(objectPrefixes.host, { signal })) {
    const parsed = parseObjectName(name);
    if (parsed?.type !== 'host') continue;
    const list = found.get(parsed.id) ?? [];
    list.push({ name, number: parsed.number });
    found.set(parsed.id, list);
  }
  const names = new Map<string, string[]>();
  for (const [id, list] of found) {
    list.sort((left, right) => right.number - left.number);
    names.set(
      id,
      list.map(({ name }) => name),
    );
  }
  return names;
}
