import { fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/random.ts';
import { defaultChunkerParameters } from '../../src/codec/chunker/parameters.ts';
import { signerFromSeed } from '../../src/codec/encryption/signature.ts';
import { rootEntry, type SampleFiles } from './sample-tree.ts';
import type { Access } from '../../src/repository/native/access.ts';
import { BlobNamer } from '../../src/repository/native/content/blob-id.ts';
import { deriveKeyRing, type KeyRing } from '../../src/repository/native/keys/key-ring.ts';
import type { Role } from '../../src/repository/native/keys/role.ts';
import type { Final } from '../../src/repository/native/objects/final.ts';
import { noPreviousSeal } from '../../src/repository/native/objects/seal.ts';
import { defaultSettings } from '../../src/repository/native/objects/settings.ts';
import {
  ownerSignerId,
  type KnownSigner,
} from '../../src/repository/native/objects/signed-body.ts';
import { BlobPacker } from '../../src/repository/native/packs/blob-packer.ts';
import { publishFinal, sealFinal } from '../../src/repository/native/writer/commit.ts';
import { MetaStore } from '../../src/repository/native/writer/meta-store.ts';
import { PackUploader } from '../../src/repository/native/writer/pack-uploader.ts';
import {
  openRunTable,
  type KnownPack,
  type RunTable,
} from '../../src/repository/native/writer/run-table.ts';
import type { SealSequence } from '../../src/repository/native/writer/seal-sequence.ts';
import { MemoryStorage } from '../../src/storage/drivers/memory/memory.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { FakeClock } from './fake-clock.ts';

/** A machine of the sample repository. */
export interface SampleHost {
  readonly access: Access;
  readonly sequence: SealSequence;
}

/** A small repository in memory whose machines back up by the real protocol, without a file system and without threads. */
export class SampleRepository {
  readonly clock: FakeClock;
  readonly storage: Storage;
  readonly #signers = new Map<string, KnownSigner>();
  readonly #ring: KeyRing;
  #packTarget: number | undefined;

  /** Repositories with another `seed` have other keys. */
  constructor(
    options: {
      readonly storage?: Storage;
      readonly packTarget?: number;
      readonly seed?: number;
    } = {},
  ) {
    const seed = options.seed ?? 7;
    this.#ring = deriveKeyRing(new Uint8Array(32).fill(seed), new Uint8Array(16).fill(seed + 1));
    this.clock = new FakeClock();
    this.storage = options.storage ?? new MemoryStorage({ clock: this.clock });
    this.#packTarget = options.packTarget;
    this.#signers.set(ownerSignerId, {
      id: ownerSignerId,
      publicKey: this.#ring.ownerPublic,
      role: 'owner',
      state: 'active',
      revokedAfter: undefined,
    });
  }

  /** Registers a machine. All hold the owner's keys; what its signature counts for is its role. */
  host(role: Role = 'owner', storage: Storage = this.storage): SampleHost {
    const hostId = toHex(systemRandom(16));
    const hostSeed = systemRandom(32);
    const signer = signerFromSeed(hostSeed);
    this.#signers.set(hostId, {
      id: hostId,
      publicKey: signer.publicKey,
      role,
      state: 'active',
      revokedAfter: undefined,
    });
    const keys = { ...this.#ring, role };
    const access: Access = {
      storage,
      keys,
      chunker: defaultChunkerParameters,
      settings: { ...defaultSettings, number: 0, id: ownerSignerId, packTarget: this.#packTarget },
      hostId,
      hostSeed,
      signing: { keys, signer: { id: hostId, sign: signer.sign }, random: systemRandom },
      verifying: { keys, findSigner: (id) => this.#signers.get(id) },
      refreshSigners: async () => undefined,
      clock: this.clock,
      random: systemRandom,
    };
    return { access, sequence: new MemorySequence() };
  }

  /** The same machine on another storage, for instance one that does something between two calls. */
  through(host: SampleHost, storage: Storage): SampleHost {
    return { access: { ...host.access, storage }, sequence: host.sequence };
  }

  /** Changes what is known of a machine. */
  revise(hostId: string, change: Partial<KnownSigner>): void {
    this.#signers.set(hostId, { ...this.#signers.get(hostId)!, ...change });
  }

  /** Names of all objects under a prefix. */
  async names(prefix: string): Promise<string[]> {
    const names = await Array.fromAsync(this.storage.list(prefix), ({ name }) => name);
    return names.toSorted();
  }
}

class MemorySequence implements SealSequence {
  #last = 0;
  #hash = noPreviousSeal;

  async seal(
    publish: (next: number, previousSeal: string) => Promise<string | undefined>,
  ): Promise<number | undefined> {
    const hash = await publish(this.#last + 1, this.#hash);
    if (hash === undefined) return undefined;
    this.#hash = hash;
    return ++this.#last;
  }
}

/** What a run has stored before its final. */
export interface SampleRun {
  readonly final: Final;
  readonly relied: readonly KnownPack[];
}

/** W2, W4 and W5. */
export async function storeSample(
  { access }: SampleHost,
  files: SampleFiles,
  { path = '/data', opened }: { readonly path?: string; readonly opened?: RunTable } = {},
): Promise<SampleRun> {
  const run = opened ?? (await openRunTable(access));
  const { keys, random } = access;
  const runId = random(16);
  const uploader = new PackUploader(access, 4, new AbortController().signal);
  const context = {
    repositoryId: keys.repositoryId,
    indexKey: keys.indexKey,
    dataPublic: keys.dataPublic,
    metaPublic: keys.metaPublic,
    signerId: fromHex(access.hostId),
    signer: signerFromSeed(access.hostSeed),
    runId,
    target: access.settings.packTarget ?? 256 * 1024,
    compressionLevel: 1,
    verify: true,
    random,
  };
  const namer = new BlobNamer(keys.idKey);
  const data = new BlobPacker(context, 'data', run.table, namer, (pack) => uploader.add(pack));
  const meta = new BlobPacker(context, 'meta', run.table, namer, (pack) => uploader.add(pack));
  const root = rootEntry(files, data, new MetaStore(meta, access.chunker, keys.chunkKey!));
  data.flush();
  meta.flush();
  await uploader.finish();
  const relied: KnownPack[] = [];
  for (let number = 0; number < run.table.packCount; number++) {
    if (!run.table.isRelied(number)) continue;
    relied.push(run.packs[number] ?? uploader.packs.get(number)!);
  }
  const final: Final = {
    id: toHex(random(16)),
    root,
    started: access.clock.now(),
    ended: access.clock.now(),
    hostName: 'sample',
    userName: 'somebody',
    paths: [utf8(path)],
    tags: [],
    runId: toHex(runId),
    statistics: undefined,
    program: 'test',
    commonParent: undefined,
    sourceKind: 'files',
  };
  return { final, relied };
}

/** A whole backup: the id of its snapshot. Starts again, like the real one, when a collector was faster. */
export async function backUpSample(
  host: SampleHost,
  files: SampleFiles,
  options: { readonly path?: string } = {},
): Promise<string> {
  for (let attempt = 0; attempt < 8; attempt++) {
    const { final, relied } = await storeSample(host, files, options);
    const published = await publishFinal(host.access, final);
    const result = await sealFinal(host.access, published, relied, host.sequence, []);
    if ('snapshotId' in result) return result.snapshotId;
  }
  throw new Error('The sample backup never came to an end');
}
