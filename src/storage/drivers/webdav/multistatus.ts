// XML is parsed by `saxes`: it streams, knows namespaces, insists on well-formed documents, and resolves no entities but the five of XML.
import { SaxesParser, type SaxesTagNS } from 'saxes';

import { AppError } from '../../../base/errors.ts';

/** What a multi-status answer (RFC 4918, section 13) says of one resource. */
export interface ResourceStatus {
  readonly href: string;
  /** Given instead of properties, or beside them, when something failed. */
  readonly status: number | undefined;
  /** Properties of status 200 only, as the server writes them. */
  readonly isCollection: boolean;
  readonly length: string | undefined;
  readonly modified: string | undefined;
}

/** Nested deeper than any answer that makes sense. */
const deepest = 32;
/** Characters without a single complete tag, and in one value. */
const longestPiece = 1024 ** 2;
/** Resources in one answer; a directory that holds more cannot be used. */
const mostResources = 2_000_000;

interface Properties {
  isCollection?: boolean;
  length?: string;
  modified?: string;
}

/**
 * The resources of a multi-status answer, one after the other as they come in. Throws `storage/unavailable` for what is no such answer,
 * breaks off, or would only fill the memory.
 */
export async function* readMultistatus(
  stream: ReadableStream<Uint8Array>,
  action: string,
): AsyncGenerator<ResourceStatus, void, undefined> {
  const reader = new MultistatusReader();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let count = 0;
  for await (const piece of stream) {
    const resources = understood(action, () =>
      reader.feed(decoder.decode(piece, { stream: true })),
    );
    count += resources.length;
    if (count > mostResources) throw misunderstood(action, 'it names too many resources');
    yield* resources;
  }
  understood(action, () => {
    decoder.decode();
    reader.end();
  });
}

class MultistatusReader {
  readonly #parser = new SaxesParser({ xmlns: true, position: false });
  /** The open elements: the local name of those of WebDAV, nothing for others. */
  readonly #open: string[] = [];
  #complete: ResourceStatus[] = [];
  #text = '';
  #sinceTag = 0;
  #href: string | undefined;
  #status: number | undefined;
  #properties: Properties = {};
  #found: Properties = {};
  #foundStatus: number | undefined;

  constructor() {
    this.#parser.on('doctype', () => {
      throw new Error('It declares a document type');
    });
    this.#parser.on('xmldecl', ({ encoding }) => {
      if (encoding !== undefined && !/^(?:utf-?8|us-ascii)$/iu.test(encoding))
        throw new Error(`It is encoded in "${encoding.slice(0, 40)}"`);
    });
    this.#parser.on('opentag', (tag) => this.#begin(tag));
    this.#parser.on('closetag', () => this.#finish());
    for (const kind of ['text', 'cdata'] as const) {
      this.#parser.on(kind, (text) => {
        this.#text += text;
      });
    }
  }

  feed(text: string): readonly ResourceStatus[] {
    this.#sinceTag += text.length;
    this.#parser.write(text);
    if (this.#sinceTag > longestPiece) throw new Error('One of its pieces is too long');
    const complete = this.#complete;
    this.#complete = [];
    return complete;
  }

  end(): void {
    this.#parser.close();
  }

  #begin({ uri, local }: SaxesTagNS): void {
    const name = uri === 'DAV:' ? local : '';
    if (this.#open.length === 0 && name !== 'multistatus')
      throw new Error('It is no multi-status document');
    if (this.#open.push(name) > deepest) throw new Error('It is nested too deeply');
    this.#sinceTag = 0;
    this.#text = '';
    if (this.#path() === 'multistatus/response') {
      this.#href = undefined;
      this.#status = undefined;
      this.#properties = {};
    } else if (this.#path() === 'multistatus/response/propstat') {
      this.#found = {};
      this.#foundStatus = undefined;
    } else if (this.#path().endsWith('/prop/resourcetype/collection'))
      this.#found.isCollection = true;
  }

  #finish(): void {
    const path = this.#path();
    const text = this.#text.trim();
    if (path === 'multistatus/response') this.#respond();
    else if (path === 'multistatus/response/href') this.#href ??= text;
    else if (path === 'multistatus/response/status') this.#status = statusOf(text);
    else if (path === 'multistatus/response/propstat') this.#keep();
    else if (path === 'multistatus/response/propstat/status') this.#foundStatus = statusOf(text);
    else if (path.endsWith('/propstat/prop/getcontentlength')) this.#found.length = text;
    else if (path.endsWith('/propstat/prop/getlastmodified')) this.#found.modified = text;
    this.#open.pop();
    this.#sinceTag = 0;
    this.#text = '';
  }

  #keep(): void {
    if (this.#foundStatus === 200) Object.assign(this.#properties, this.#found);
    // A property that a resource does not have is no failure.
    else if (this.#foundStatus !== 404) this.#status ??= this.#foundStatus ?? 500;
  }

  #respond(): void {
    if (this.#href === undefined || this.#href === '')
      throw new Error('It does not say of what it speaks');
    const { isCollection = false, length, modified } = this.#properties;
    const status = this.#status === 200 ? undefined : this.#status;
    this.#complete.push({ href: this.#href, status, isCollection, length, modified });
  }

  #path(): string {
    return this.#open.join('/');
  }
}

/** The number in `HTTP/1.1 200 OK`. */
function statusOf(line: string): number {
  const status = Number(/^HTTP\/[0-9.]+\s+([0-9]{3})\b/u.exec(line)?.[1] ?? Number.NaN);
  if (Number.isInteger(status)) return status;
  throw new Error('It holds a status that cannot be read');
}

function understood<Result>(action: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw misunderstood(action, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function misunderstood(action: string, problem: string, cause?: unknown): AppError {
  return new AppError(
    'storage/unavailable',
    `Cannot ${action}: the server's answer cannot be understood (${problem.slice(0, 200)})`,
    {
      cause,
      hint: 'Look whether the URL leads to WebDAV, and whether something on the way changes answers',
    },
  );
}
