import { createHash } from 'node:crypto';

import type { DurableMap } from './journal.ts';
import type { Simulator } from './simulator.ts';

/** What tests can set for a bucket by `POST /_gs/bucket/NAME`. */
export interface SimulatedBucket {
  readonly project: string;
  readonly location?: string;
  readonly requesterPays?: boolean;
  readonly readOnly?: boolean;
  /** A moment until which objects stay as they are. */
  readonly retainedUntil?: string;
  /** Of a chunk only so many bytes are kept. */
  readonly shortChunks?: number;
  /** At most so many objects in a page of a listing. */
  readonly pageSize?: number;
}

export interface SimulatedObject {
  readonly bucket: string;
  readonly name: string;
  readonly size: number;
  readonly md5: string;
  readonly crc32c: string;
  readonly generation: string;
  readonly updated: string;
  readonly content: string;
  readonly contentType: string;
  readonly storageClass: string;
  readonly temporaryHold?: boolean;
}

/** What a request says about an object that it stores. */
export interface NewObject {
  readonly name: string;
  readonly contentType?: string;
  readonly storageClass?: string;
  readonly md5Hash?: string;
  readonly crc32c?: string;
}

/** A refusal in terms that both interfaces have. */
export class GcsProblem extends Error {
  readonly status: number;
  readonly reason: string;
  readonly xmlCode: string;

  constructor(status: number, reason: string, xmlCode: string, message: string) {
    super(message);
    this.name = 'GcsProblem';
    this.status = status;
    this.reason = reason;
    this.xmlCode = xmlCode;
  }
}

const classes = new Set(['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE']);

/** Buckets and objects, which both interfaces see. */
export class GcsState {
  readonly buckets: DurableMap<SimulatedBucket>;
  readonly objects: DurableMap<SimulatedObject>;
  readonly #simulator: Simulator;
  #generation = 1_700_000_000_000_000;
  #used = 0;

  constructor(simulator: Simulator) {
    this.#simulator = simulator;
    this.buckets = simulator.journal.map('buckets');
    this.objects = simulator.journal.map('objects');
    for (const { generation, size } of this.objects.values()) {
      this.#generation = Math.max(this.#generation, Number(generation));
      this.#used += size;
    }
  }

  bucket(name: string): SimulatedBucket {
    const bucket = this.buckets.get(name);
    if (bucket !== undefined) return bucket;
    throw new GcsProblem(404, 'notFound', 'NoSuchBucket', 'The specified bucket does not exist.');
  }

  /** A bucket that this request may use. */
  use(name: string, payer: string, writes: boolean): SimulatedBucket {
    const bucket = this.bucket(name);
    if (bucket.requesterPays === true && payer === '') {
      throw new GcsProblem(
        400,
        'required',
        'UserProjectMissing',
        'Bucket is a requester pays bucket but no user project provided.',
      );
    }
    if (bucket.readOnly === true && writes) {
      throw new GcsProblem(
        403,
        'forbidden',
        'AccessDenied',
        'holdfast@demo.iam.gserviceaccount.com does not have storage.objects.create access to the Google Cloud Storage object.',
      );
    }
    return bucket;
  }

  createBucket(name: string, bucket: SimulatedBucket): void {
    if (!/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/u.test(name))
      throw new GcsProblem(400, 'invalid', 'InvalidBucketName', `Invalid bucket name: '${name}'`);
    if (this.buckets.has(name)) {
      throw new GcsProblem(
        409,
        'conflict',
        'BucketAlreadyOwnedByYou',
        'Your previous request to create the named bucket succeeded and you already own it.',
      );
    }
    this.buckets.set(name, bucket);
  }

  object(bucket: string, name: string): SimulatedObject {
    const object = this.objects.get(keyOf(bucket, name));
    if (object !== undefined) return object;
    throw new GcsProblem(404, 'notFound', 'NoSuchKey', `No such object: ${bucket}/${name}`);
  }

  checkCondition(bucket: string, name: string, generationMatch: string): void {
    if (generationMatch === '') return;
    const generation = this.objects.get(keyOf(bucket, name))?.generation ?? '0';
    if (generation === generationMatch) return;
    throw new GcsProblem(
      412,
      'conditionNotMet',
      'PreconditionFailed',
      'At least one of the pre-conditions you specified did not hold.',
    );
  }

  put(
    bucket: string,
    object: NewObject,
    arrived: Buffer,
    generationMatch: string,
  ): SimulatedObject {
    const { name, storageClass = 'STANDARD' } = object;
    checkName(name);
    if (!classes.has(storageClass))
      throw new GcsProblem(400, 'invalid', 'InvalidStorageClass', 'Invalid storage class.');
    this.checkCondition(bucket, name, generationMatch);
    const old = this.objects.get(keyOf(bucket, name));
    if (old !== undefined) this.#checkProtection(old);
    const bytes = this.#damaged(arrived);
    const md5 = createHash('md5').update(bytes).digest('base64');
    const crc = crc32c(bytes);
    for (const [wanted, found, what] of [
      [object.md5Hash, md5, 'MD5'],
      [object.crc32c, crc, 'CRC32C'],
    ] as const) {
      if (wanted === undefined || wanted === found) continue;
      throw new GcsProblem(
        400,
        'invalid',
        'BadDigest',
        `Provided ${what} hash "${wanted}" doesn't match calculated ${what} hash "${found}".`,
      );
    }
    const { quota = Infinity } = this.#simulator.control;
    const used = this.#used - (old?.size ?? 0) + bytes.byteLength;
    if (used > quota)
      throw new GcsProblem(403, 'quotaExceeded', 'QuotaExceeded', 'The quota has been exceeded.');
    this.#used = used;
    this.#generation += 1;
    const stored = {
      bucket,
      name,
      size: bytes.byteLength,
      md5,
      crc32c: crc,
      generation: String(this.#generation),
      updated: new Date().toISOString(),
      content: this.#simulator.journal.store(bytes),
      contentType: object.contentType ?? 'application/octet-stream',
      storageClass,
    };
    this.objects.set(keyOf(bucket, name), stored);
    return stored;
  }

  delete(bucket: string, name: string, generation: string): void {
    const object = this.object(bucket, name);
    if (generation !== '' && generation !== object.generation)
      throw new GcsProblem(404, 'notFound', 'NoSuchKey', `No such object: ${bucket}/${name}`);
    this.#checkProtection(object);
    this.#used -= object.size;
    this.objects.delete(keyOf(bucket, name));
  }

  /** Up to `limit` objects after `after` in the order of their bytes. */
  page(
    bucket: string,
    {
      prefix,
      after,
      limit,
    }: { readonly prefix: string; readonly after: string; readonly limit: number },
  ): { readonly objects: readonly SimulatedObject[]; readonly isLast: boolean } {
    const { pageSize = limit } = this.bucket(bucket);
    const most = Math.min(limit, pageSize);
    const rest = this.objects
      .values()
      .filter(
        (object) =>
          object.bucket === bucket &&
          object.name.startsWith(prefix) &&
          (after === '' || compare(object.name, after) > 0),
      )
      .toSorted((left, right) => compare(left.name, right.name));
    return { objects: rest.slice(0, most), isLast: rest.length <= most };
  }

  load({ content }: SimulatedObject): Buffer {
    return this.#simulator.journal.load(content);
  }

  #checkProtection({ bucket, name, temporaryHold }: SimulatedObject): void {
    if (temporaryHold === true) {
      throw new GcsProblem(
        403,
        'objectUnderActiveHold',
        'ObjectUnderActiveHold',
        `Object '${bucket}/${name}' is under active Temporary hold and cannot be deleted, overwritten or archived until hold is removed.`,
      );
    }
    const { retainedUntil } = this.bucket(bucket);
    if (
      retainedUntil === undefined ||
      Date.parse(retainedUntil) < Date.parse(new Date().toISOString())
    )
      return;
    throw new GcsProblem(
      403,
      'retentionPolicyNotMet',
      'RetentionPolicyNotMet',
      `Object '${bucket}/${name}' is subject to bucket's retention policy or object retention and cannot be deleted or overwritten until ${retainedUntil}`,
    );
  }

  #damaged(bytes: Buffer): Buffer {
    if (this.#simulator.control.damageUploads !== true || bytes.byteLength === 0) return bytes;
    const other = Buffer.from(bytes);
    other[0] = (other[0] ?? 0) ^ 1;
    return other;
  }
}

function keyOf(bucket: string, name: string): string {
  return `${bucket}/${name}`;
}

function compare(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

function checkName(name: string): void {
  const isBad =
    name === '' ||
    name === '.' ||
    name === '..' ||
    /[\r\n]/u.test(name) ||
    name.startsWith('.well-known/acme-challenge/') ||
    Buffer.byteLength(name) > 1024;
  if (isBad) throw new GcsProblem(400, 'invalid', 'InvalidObjectName', 'Invalid object name.');
}

const table = Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/** In base 64 of its four bytes, most significant first. */
function crc32c(bytes: Buffer): string {
  let value = 0xffffffff;
  for (const byte of bytes) value = (table[(value ^ byte) & 255] ?? 0) ^ (value >>> 8);
  const result = Buffer.alloc(4);
  result.writeUInt32BE((value ^ 0xffffffff) >>> 0);
  return result.toString('base64');
}
