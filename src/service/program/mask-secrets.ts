import type { Secret } from '../../base/secret.ts';
import { isSecretName } from '../../model/secret-name.ts';

/** What stands where a secret was. */
const MASK = '***';
/** Anything shorter is found everywhere, and would make a text unreadable without hiding anything. */
const SHORTEST = 3;

/** Takes known secrets out of texts. Secrets may be added at any time; they are masked from then on. */
export class SecretMask {
  readonly #known = new Set<string>();
  #pattern: RegExp | undefined;
  #longest = 0;

  /** The value itself, how it looks in a URL and in JSON, and the password and options in it if it is an address. */
  add(secret: Secret | string): void {
    const value = typeof secret === 'string' ? secret : secret.reveal();
    for (const text of [value, ...partsOfAddress(value)]) this.#addText(text);
  }

  /** Only what is secret in an address; nothing if it is none. */
  addAddress(address: Secret | string): void {
    const value = typeof address === 'string' ? address : address.reveal();
    for (const text of partsOfAddress(value)) this.#addText(text);
  }

  mask(text: string): string {
    return this.#pattern === undefined ? text : text.replaceAll(this.#pattern, MASK);
  }

  /** All texts in a value of plain JSON masked; names of fields stay. */
  maskAll<Value>(value: Value): Value {
    if (this.#pattern === undefined) return value;
    return maskTexts(value, (text) => this.mask(text)) as Value;
  }

  /** For texts that come in pieces, in which a secret may be cut. */
  stream(): MaskStream {
    let held = '';
    const take = (piece: string, isEnd: boolean): string => {
      const text = held + piece;
      // Whatever begins before this is here as a whole.
      const safe = isEnd ? text.length : text.length - Math.max(0, this.#longest - 1);
      let masked = '';
      let position = 0;
      for (const match of this.#pattern === undefined ? [] : text.matchAll(this.#pattern)) {
        if (match.index >= safe) break;
        masked += text.slice(position, match.index) + MASK;
        position = match.index + match[0].length;
      }
      const end = Math.max(position, safe);
      held = text.slice(end);
      return masked + text.slice(position, end);
    };
    return { push: (piece) => take(piece, false), end: () => take('', true) };
  }

  #addText(text: string): void {
    const json = JSON.stringify(text).slice(1, -1);
    // Programs print keys line by line.
    const lines = text.includes('\n')
      ? text.split(/\r?\n/u).filter(({ length }) => length >= 16)
      : [];
    for (const form of [text, encodeURIComponent(wellFormed(text)), json, ...lines]) {
      if (form.length >= SHORTEST) this.#known.add(form);
    }
    // The longest first: one secret may be the beginning of another.
    const known = [...this.#known].toSorted((one, other) => other.length - one.length);
    if (known.length === 0) return;
    this.#longest = known[0]!.length;
    this.#pattern = new RegExp(known.map((form) => RegExp.escape(form)).join('|'), 'gu');
  }
}

/** Masks a text that comes in pieces. */
export interface MaskStream {
  /** What is certain by now. */
  push(piece: string): string;
  /** The rest. */
  end(): string;
}

/** What is secret in an address: its password, and the values of its options. */
function partsOfAddress(text: string): string[] {
  const [, authority = '', query = ''] =
    /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)[^?]*(?:\?(.*))?$/isu.exec(text) ?? [];
  const at = authority.lastIndexOf('@');
  const colon = authority.indexOf(':');
  const password = at > 0 && colon >= 0 && colon < at ? [authority.slice(colon + 1, at)] : [];
  const values = query
    .split('&')
    .map((pair) => /^([^=]*)=(.*)$/su.exec(pair) ?? [])
    .flatMap(([, name = '', value = '']) => (isSecretName(name) ? [value] : []));
  return [...password, ...values].flatMap((part) => [part, decoded(part)]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // then it is meant as it is written
  }
}

const wellFormed = (text: string): string => text.toWellFormed();

function maskTexts(value: unknown, mask: (text: string) => string): unknown {
  if (typeof value === 'string') return mask(value);
  if (Array.isArray(value)) return value.map((item) => maskTexts(item, mask));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, maskTexts(item, mask)]),
  );
}
