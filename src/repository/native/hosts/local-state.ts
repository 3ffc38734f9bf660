import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { asBuffer, toHex } from '../../../base/bytes.ts';
import { systemCodeOf } from '../../../base/errors.ts';
import { makeDirectories } from '../../../base/make-directories.ts';
import type { RandomBytes } from '../../../base/random.ts';
import { isWithinBounds, saltSize, type Stretching } from '../keys/stretching.ts';
import type { RememberedSlot } from '../keys/unlock.ts';
import { stateProblem } from './state-problem.ts';

/** Who this machine is in one repository. */
export interface LocalHost {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** Ed25519 seed, 32 bytes. */
  readonly seed: Uint8Array;
}

interface State {
  readonly host: LocalHost | undefined;
  readonly sequences: ReadonlyMap<string, number>;
  readonly lastSlot: RememberedSlot | undefined;
}

const empty: State = { host: undefined, sequences: new Map(), lastSlot: undefined };
const fileName = 'identity.json';
const fileVersion = 1;

/**
 * What a machine remembers of a repository: its host key, the highest sequence number it saw of every host, the slot that opened last and
 * how its passphrase is stretched, which is no secret.
 * One file, readable by its user only. Losing it costs a new host key and the memory of what was seen, nothing else.
 */
export class LocalState {
  readonly #path: string;
  readonly #random: RandomBytes;
  #state: State;
  /** Changes are made one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(path: string, state: State, random: RandomBytes) {
    this.#path = path;
    this.#state = state;
    this.#random = random;
  }

  /**
   * Reads the state below `stateDirectory`, which need not exist. A file that is not one of ours, or torn, is put aside under another
   * name. Throws an `AppError` (`local/unwritable`) if it cannot be read.
   */
  static async open(
    stateDirectory: string,
    repositoryId: Uint8Array,
    random: RandomBytes,
  ): Promise<LocalState> {
    const path = join(stateDirectory, toHex(repositoryId), fileName);
    return new LocalState(path, await readState(path), random);
  }

  get host(): LocalHost | undefined {
    return this.#state.host;
  }

  get lastSlot(): RememberedSlot | undefined {
    return this.#state.lastSlot;
  }

  /** The highest sequence number of a host that was ever seen from here; 0 if none. */
  highestSequence(hostId: string): number {
    return this.#state.sequences.get(hostId) ?? 0;
  }

  /** Keeps a new host key, unless another process kept one first. Gives the one that is kept; it is durable then. */
  async keepHost(host: LocalHost): Promise<LocalHost> {
    const { host: kept } = await this.#change((state) => ({ ...state, host: state.host ?? host }));
    return kept ?? host;
  }

  /** Forgets a host key that no longer serves, so that the next one is kept. */
  async dropHost(hostId: string): Promise<void> {
    await this.#change((state) =>
      state.host?.id === hostId ? { ...state, host: undefined } : state,
    );
  }

  /** Remembers sequence numbers; numbers never go down. Durable when it resolves. */
  async noteSequences(seen: Iterable<readonly [hostId: string, sequence: number]>): Promise<void> {
    const news = [...seen].filter(([id, sequence]) => sequence > this.highestSequence(id));
    if (news.length === 0) return;
    await this.#change((state) => {
      const sequences = new Map(state.sequences);
      for (const [id, sequence] of news) {
        sequences.set(id, Math.max(sequence, sequences.get(id) ?? 0));
      }
      return { ...state, sequences };
    });
  }

  async noteSlot(slot: RememberedSlot): Promise<void> {
    await this.#change((state) => ({ ...state, lastSlot: slot }));
  }

  /** Reads the file again before each change, because another process may have written it. */
  async #change(change: (state: State) => State): Promise<State> {
    const next = this.#queue.then(async () => {
      const before = await readState(this.#path);
      const after = change(before);
      if (after !== before) await writeState(this.#path, after, this.#random);
      this.#state = after;
      return after;
    });
    this.#queue = next.catch(() => undefined); // The caller gets the error; the next change tries again.
    return await next;
  }
}

async function readState(path: string): Promise<State> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return empty;
    throw stateProblem(path, cause);
  }
  const state = parseState(text);
  if (state !== undefined) return state;
  await rename(path, `${path}.damaged`).catch((cause: unknown) => {
    throw stateProblem(path, cause);
  });
  return empty;
}

async function writeState(path: string, state: State, random: RandomBytes): Promise<void> {
  const directory = dirname(path);
  const temporary = `${path}.${toHex(random(8))}`;
  try {
    await makeDirectories(directory, { mode: 0o700 });
    await writeDurably(temporary, formatState(state));
    await rename(temporary, path);
    await syncDirectory(directory);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // The first error is the one to tell.
    throw stateProblem(path, cause);
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  await file.writeFile(text);
  await file.sync();
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}

function formatState({ host, sequences, lastSlot }: State): string {
  const json = {
    version: fileVersion,
    host: host?.id,
    key: host === undefined ? undefined : asBuffer(host.seed).toString('base64'),
    sequences: Object.fromEntries(sequences),
    slot: lastSlot?.id,
    stretching: lastSlot?.stretching && formatStretching(lastSlot.stretching),
  };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

function parseState(text: string): State | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined; // Torn: the caller puts it aside.
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(json));
  const id = fields.get('host');
  const key = fields.get('key');
  const seed = new Uint8Array(Buffer.from(typeof key === 'string' ? key : '', 'base64'));
  const sequences = fields.get('sequences');
  const slot = fields.get('slot');
  if (fields.get('version') !== fileVersion) return undefined;
  return {
    host: isId(id) && seed.length === 32 ? { id, seed } : undefined,
    sequences: new Map(
      Object.entries(sequences ?? {}).filter(
        (pair): pair is [string, number] => isId(pair[0]) && Number.isSafeInteger(pair[1]),
      ),
    ),
    lastSlot: isId(slot)
      ? { id: slot, stretching: parseStretching(fields.get('stretching')) }
      : undefined,
  };
}

function formatStretching({ memory, passes, lanes, salt }: Stretching): object {
  return { memory, passes, lanes, salt: asBuffer(salt).toString('base64') };
}

/** `undefined` for what cannot be one: then the passphrase is stretched when the slot is there. */
function parseStretching(value: unknown): Stretching | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { memory, passes, lanes, salt } = value as Partial<Record<keyof Stretching, unknown>>;
  const cost = { memory: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  const bytes = new Uint8Array(Buffer.from(typeof salt === 'string' ? salt : '', 'base64'));
  return isWithinBounds(cost) && bytes.length === saltSize ? { ...cost, salt: bytes } : undefined;
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{32}$/u.test(value);
}
