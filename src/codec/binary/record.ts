import { ByteReader, decodeText, MalformedError } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/**
 * Tagged fields (docs/formats/native.md, section 1): what sealed objects are made of, so that later programs can add to them.
 * Fields are written in ascending order of tags; unknown tags below 0x80 are ignored, others refuse the record.
 */
export class RecordWriter {
  readonly #out = new ByteWriter();
  #last = 0;

  /** A field with these bytes; nothing for `undefined`. Tags must come in ascending order. */
  field(tag: number, bytes: Uint8Array | undefined): this {
    if (bytes === undefined) return this;
    if (tag < this.#last || tag < 1 || tag > 255) throw new RangeError(`Tag ${tag} out of order`);
    this.#last = tag;
    this.#out.u8(tag).bytes(bytes);
    return this;
  }

  fields(tag: number, values: Iterable<Uint8Array>): this {
    for (const value of values) this.field(tag, value);
    return this;
  }

  text(tag: number, text: string | undefined): this {
    return this.field(tag, text === undefined ? undefined : Buffer.from(text, 'utf8'));
  }

  texts(tag: number, texts: Iterable<string>): this {
    for (const text of texts) this.text(tag, text);
    return this;
  }

  number(tag: number, value: number | undefined): this {
    return this.field(
      tag,
      value === undefined ? undefined : new ByteWriter(9).varint(value).view(),
    );
  }

  signed(tag: number, value: number | undefined): this {
    return this.field(
      tag,
      value === undefined ? undefined : new ByteWriter(9).svarint(value).view(),
    );
  }

  /** The record, as an array of its own. */
  take(): Uint8Array {
    return this.#out.take();
  }
}

/** The fields of one record. Values are views into the bytes given. */
export class RecordReader {
  /** In parallel: there are few, and a directory has a record for each entry. */
  readonly #tags: number[] = [];
  readonly #values: Uint8Array[] = [];

  /** `known` are the tags this program understands; a mandatory tag that is not among them refuses the record. */
  constructor(bytes: Uint8Array, known: readonly number[]) {
    const reader = new ByteReader(bytes);
    let last = 0;
    while (reader.remaining > 0) {
      const tag = reader.u8();
      if (tag < last || tag === 0) throw new MalformedError('Fields out of order');
      if (tag >= 0x80 && !known.includes(tag)) {
        throw new MalformedError(`Field ${tag} needs a newer program`);
      }
      last = tag;
      this.#tags.push(tag);
      this.#values.push(reader.bytes());
    }
  }

  all(tag: number): readonly Uint8Array[] {
    const first = this.#tags.indexOf(tag);
    if (first < 0) return none;
    return this.#values.slice(first, this.#tags.lastIndexOf(tag) + 1);
  }

  optional(tag: number): Uint8Array | undefined {
    const index = this.#tags.indexOf(tag);
    if (index < 0) return undefined;
    // They are in order: others with the same tag would follow.
    if (this.#tags[index + 1] === tag) throw new MalformedError(`Field ${tag} repeated`);
    return this.#values[index];
  }

  required(tag: number): Uint8Array {
    const value = this.optional(tag);
    if (value === undefined) throw new MalformedError(`Field ${tag} missing`);
    return value;
  }

  /** A required field of exactly this many bytes. */
  exact(tag: number, length: number): Uint8Array {
    const value = this.required(tag);
    if (value.length !== length) throw new MalformedError(`Field ${tag} has a wrong length`);
    return value;
  }

  optionalText(tag: number): string | undefined {
    const value = this.optional(tag);
    return value === undefined ? undefined : decodeText(value);
  }

  text(tag: number): string {
    return decodeText(this.required(tag));
  }

  texts(tag: number): string[] {
    return this.all(tag).map(decodeText);
  }

  optionalNumber(tag: number): number | undefined {
    const value = this.optional(tag);
    return value === undefined ? undefined : whole(value, (reader) => reader.varint());
  }

  number(tag: number): number {
    return whole(this.required(tag), (reader) => reader.varint());
  }

  optionalSigned(tag: number): number | undefined {
    const value = this.optional(tag);
    return value === undefined ? undefined : whole(value, (reader) => reader.svarint());
  }

  signed(tag: number): number {
    return whole(this.required(tag), (reader) => reader.svarint());
  }
}

const none: readonly Uint8Array[] = [];

function whole(bytes: Uint8Array, read: (reader: ByteReader) => number): number {
  const reader = new ByteReader(bytes);
  const value = read(reader);
  reader.end();
  return value;
}
