import { closeSync, existsSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';

/** The memory of a simulator: maps that are written to a file with every change, and contents in files of their own. */
export class Journal {
  readonly #directory: string;
  readonly #log: number;
  readonly #maps = new Map<string, Map<string, unknown>>();
  #contents = 0;

  constructor(directory: string) {
    this.#directory = directory;
    const file = path.join(directory, 'journal');
    if (existsSync(file)) this.#replay(readFileSync(file, 'utf8'));
    this.#log = openSync(file, 'a');
  }

  map<Value>(name: string): DurableMap<Value> {
    // Only this map's own `set` puts values into it.
    const values = this.#valuesOf(name) as Map<string, Value>;
    return new DurableMap(values, (line) =>
      writeSync(this.#log, `${JSON.stringify([name, ...line])}\n`),
    );
  }

  /** Keeps bytes and gives the key to read them again. */
  store(bytes: Buffer): string {
    const key = `c${(this.#contents += 1)}`;
    writeFileSync(path.join(this.#directory, key), bytes);
    this.#valuesOf('contents').set(key, true);
    writeSync(this.#log, `${JSON.stringify(['contents', key, true])}\n`);
    return key;
  }

  load(key: string): Buffer {
    return readFileSync(path.join(this.#directory, key));
  }

  close(): void {
    closeSync(this.#log);
  }

  #replay(text: string): void {
    for (const line of text.split('\n')) {
      if (line === '') continue;
      let parsed: [map: string, key: string, value?: unknown];
      try {
        parsed = JSON.parse(line) as typeof parsed;
      } catch {
        // The kill came while it was being written: nobody was told that it is there.
        continue;
      }
      const [map, key, value] = parsed;
      if (parsed.length === 2) this.#valuesOf(map).delete(key);
      else this.#valuesOf(map).set(key, value);
    }
    this.#contents = this.#valuesOf('contents').size;
  }

  #valuesOf(name: string): Map<string, unknown> {
    const values = this.#maps.get(name) ?? new Map<string, unknown>();
    this.#maps.set(name, values);
    return values;
  }
}

export class DurableMap<Value> {
  readonly #values: Map<string, Value>;
  readonly #write: (line: readonly [string] | readonly [string, Value]) => void;

  constructor(
    values: Map<string, Value>,
    write: (line: readonly [string] | readonly [string, Value]) => void,
  ) {
    this.#values = values;
    this.#write = write;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  set(key: string, value: Value): void {
    this.#write([key, value]);
    this.#values.set(key, value);
  }

  delete(key: string): boolean {
    if (!this.#values.has(key)) return false;
    this.#write([key]);
    return this.#values.delete(key);
  }

  values(): readonly Value[] {
    return Array.from(this.#values.values());
  }

  entries(): readonly (readonly [string, Value])[] {
    return Array.from(this.#values);
  }
}
