/** The lines of one volume in a manifest, until they are a volume (docs/formats/duplicity.md 3). */
import { asBuffer } from '../../../base/bytes.ts';
import type { AppError } from '../../../base/errors.ts';
import type { ManifestVolume, VolumePosition } from './manifest.ts';
import { isSpace, unquoted } from './quoting.ts';

/** Digits of the hashes that are known; others are taken as they are. */
const hashDigits: Readonly<Record<string, number>> = {
  MD5: 32,
  SHA1: 40,
  SHA256: 64,
  SHA512: 128,
};
const mostHashes = 16;

export class VolumeSection {
  readonly number: number;
  readonly #damaged: (what: string) => AppError;
  readonly #hashes = new Map<string, string>();
  #start: VolumePosition | undefined;
  #end: VolumePosition | undefined;

  private constructor(number: number, damaged: (what: string) => AppError) {
    this.number = number;
    this.#damaged = damaged;
  }

  /** From its first line, "Volume 1:". `damaged` makes the error that is thrown. */
  static begin(line: Uint8Array, damaged: (what: string) => AppError): VolumeSection {
    const match = /^volume ([0-9]{1,15}):/iu.exec(asBuffer(line).toString('latin1', 0, 64));
    const number = Number(match?.[1]);
    if (match === null || number < 1) throw damaged('the number of the volume is not readable');
    return new VolumeSection(number, damaged);
  }

  /** Whether nothing that duplicity writes is missing. */
  get isWhole(): boolean {
    return this.#start !== undefined && this.#end !== undefined && this.#hashes.size > 0;
  }

  /** Any further line; those that say nothing about the volume are ignored. */
  take(line: Uint8Array): void {
    const [keyword, ...fields] = fieldsOf(line);
    if (keyword === undefined) return;
    switch (asBuffer(keyword).toString('latin1').toLowerCase()) {
      case 'startingpath':
        this.#start = this.#position(fields);
        return;
      case 'endingpath':
        this.#end = this.#position(fields);
        return;
      case 'hash':
        this.#takeHash(fields.map((field) => asBuffer(field).toString('latin1')));
        return;
      default:
    }
  }

  /** `undefined` when it is not said where the volume starts or ends. */
  finish(): ManifestVolume | undefined {
    const [start, end] = [this.#start, this.#end];
    if (start === undefined || end === undefined) return undefined;
    return { number: this.number, start, end, hashes: this.#hashes };
  }

  #position([path, block]: readonly Uint8Array[]): VolumePosition {
    const plain = path && unquoted(path);
    if (plain === undefined) throw this.#damaged('the path is not readable');
    const text = block && asBuffer(block).toString('latin1');
    if (text !== undefined && !/^[0-9]{1,15}$/u.test(text)) {
      throw this.#damaged('the number of the block is not readable');
    }
    const isRoot = plain.length === 1 && plain[0] === 0x2e;
    return {
      path: isRoot ? new Uint8Array() : plain.slice(),
      block: text === undefined ? undefined : Number(text),
    };
  }

  #takeHash([algorithm, digits]: readonly string[]): void {
    const name = algorithm?.toUpperCase() ?? '';
    const hash = digits?.toLowerCase() ?? '';
    const length = hashDigits[name] ?? hash.length;
    if (!/^[0-9a-f]{8,256}$/u.test(hash) || hash.length !== length || name.length > 32) {
      throw this.#damaged('the hash is not readable');
    }
    if (this.#hashes.size < mostHashes) this.#hashes.set(name, hash);
  }
}

function fieldsOf(line: Uint8Array): Uint8Array[] {
  const fields: Uint8Array[] = [];
  let start = -1;
  for (let at = 0; at <= line.length; at++) {
    const isGap = at === line.length || isSpace(line[at] as number);
    if (!isGap && start === -1) start = at;
    if (isGap && start !== -1) {
      fields.push(line.subarray(start, at));
      start = -1;
    }
  }
  return fields;
}
