import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { freePort, serverDirectory, type TestServer } from '../server.ts';

/** A Tahoe-LAFS node by the description of its web interface (docs/frontends/webapi.rst), with its grid in memory. */
export interface TahoeSimulator extends TestServer {
  /** Capabilities of the root: one that may write, one that may only read. */
  readonly dircap: string;
  readonly readcap: string;
  /** The node's own directory, with the alias `backups` for the root. */
  readonly nodeDirectory: string;
  readonly url: string;
  /** Directories that a PUT has made on its way: what two of them make at once may be lost. */
  implicitDirectories: number;
  /** Nothing new can be put on the grid. */
  full: boolean;
  /** The pieces of files cannot be found. */
  lost: boolean;
}

interface File {
  readonly bytes: Buffer;
  readonly capability: string;
  modified: number;
}

type Directory = Map<string, File | Directory>;

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function tahoeSimulator(): Promise<TahoeSimulator> {
  const directory = await serverDirectory();
  const port = await freePort();
  const root: Directory = new Map();
  const dircap = `URI:DIR2:${base32('writekey').slice(0, 26)}:${base32('fingerprint').slice(0, 52)}`;
  const readcap = `URI:DIR2-RO:${base32('readkey').slice(0, 26)}:${base32('fingerprint').slice(0, 52)}`;
  const nodeDirectory = path.join(directory, 'node');
  await mkdir(path.join(nodeDirectory, 'private'), { recursive: true });
  await writeFile(
    path.join(nodeDirectory, 'private', 'aliases'),
    `# aliases\nother: URI:DIR2:aa:bb\nbackups: ${dircap}\nreadable: ${readcap}\n`,
  );
  await writeFile(path.join(nodeDirectory, 'node.url'), `http://127.0.0.1:${port}/\n`);
  const state = { implicitDirectories: 0, full: false, lost: false };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    // A request that breaks off is forgotten: the node looks at it when it is there as a whole.
    for await (const piece of request) pieces.push(piece as Buffer);
    try {
      answer(request, Buffer.concat(pieces), response);
    } catch (error) {
      const status = error instanceof Refusal ? error.status : 500;
      const text = `${error instanceof Error ? error.message : String(error)}\n`;
      response.writeHead(status, {
        'content-type': 'text/plain',
        'content-length': Buffer.byteLength(text),
      });
      response.end(text);
    }
  }

  function answer(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const { method = '', url = '' } = request;
    const [place = '', query = ''] = url.split('?');
    const [, start, capability = '', ...names] = place
      .split('/')
      .map((part) => decodeURIComponent(part));
    if (start !== 'uri') throw new Refusal(404, 'No Such Resource');
    if (capability !== dircap && capability !== readcap)
      throw new Refusal(400, 'Invalid capability');
    if (names.at(-1) === '') names.pop();
    if (names.includes(''))
      throw new Refusal(400, 'The webapi does not allow empty pathname components');
    const parts = names.map((name) => name.normalize('NFC'));
    const parameters = new Map(new URLSearchParams(query));
    const isWritable = capability === dircap;
    if (method !== 'GET' && method !== 'HEAD' && !isWritable)
      throw new Error('Traceback (most recent call last): allmydata.interfaces.NotWriteableError');
    if (method === 'GET') return get(parts, parameters, request, response);
    if (method === 'PUT') return put(parts, parameters, body, response);
    if (method === 'POST') return makeDirectory(parts, parameters, response);
    if (method === 'DELETE') return unlink(parts, parameters, response);
    throw new Refusal(501, 'Not implemented');
  }

  /** What is at a path. */
  function find(parts: readonly string[]): File | Directory {
    let at: File | Directory = root;
    for (const part of parts) {
      if (!(at instanceof Map)) throw new Refusal(400, `Files have no children named ${part}`);
      const next: File | Directory | undefined = at.get(part);
      if (next === undefined) throw new Refusal(404, `No such child: ${part}`);
      at = next;
    }
    return at;
  }

  function get(
    parts: readonly string[],
    parameters: ReadonlyMap<string, string>,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    only(parameters, ['t']);
    const found = find(parts);
    const t = parameters.get('t') ?? '';
    if (t === 'json')
      return said(response, 200, JSON.stringify(describe(found, true), undefined, 1));
    if (t !== '') throw new Refusal(400, `GET: bad t=${t}`);
    if (found instanceof Map) {
      response.writeHead(200, { 'content-type': 'text/html' });
      return void response.end('<html><body>A directory</body></html>');
    }
    if (state.lost)
      throw new Refusal(
        410,
        'NotEnoughSharesError: This indicates that some servers were unavailable',
      );
    const { bytes } = found;
    const headers: Record<string, string | number> = {
      'content-type': 'text/plain',
      'accept-ranges': 'bytes',
      etag: `"${found.capability.slice(8, 30)}-"`,
      'content-length': bytes.length,
      // As the real one, by the name alone.
      ...(parts.at(-1)?.endsWith('.gz') === true && { 'content-encoding': 'gzip' }),
    };
    const [, first = '', last = ''] =
      /^bytes=([0-9]*)-([0-9]*)$/u.exec(request.headers.range ?? '') ?? [];
    if (first === '' && last === '') {
      response.writeHead(200, headers);
      return void response.end(bytes);
    }
    const from = first === '' ? Math.max(0, bytes.length - Number(last)) : Number(first);
    const to =
      first === '' || last === '' ? bytes.length - 1 : Math.min(Number(last), bytes.length - 1);
    if (from >= bytes.length) throw new Refusal(416, 'First beyond end of file');
    response.writeHead(206, {
      ...headers,
      'content-length': to - from + 1,
      'content-range': `bytes ${from}-${to}/${bytes.length}`,
    });
    response.end(bytes.subarray(from, to + 1));
  }

  function put(
    parts: readonly string[],
    parameters: ReadonlyMap<string, string>,
    body: Buffer,
    response: ServerResponse,
  ): void {
    only(parameters, ['replace']);
    const replace = parameters.get('replace') ?? 'true';
    if (!['true', 'false', 'only-files'].includes(replace))
      throw new Refusal(400, 'invalid replace= argument');
    const name = parts.at(-1);
    if (name === undefined) throw new Refusal(400, 'PUT to a directory');
    let parent = root;
    for (const part of parts.slice(0, -1)) {
      const next = parent.get(part);
      if (next !== undefined && !(next instanceof Map))
        throw new Refusal(409, `Unable to create directory ${part}: a file was in the way`);
      if (next === undefined) state.implicitDirectories++;
      const made: Directory = next ?? new Map();
      parent.set(part, made);
      parent = made;
    }
    const before = parent.get(name);
    if (before instanceof Map) throw new Refusal(400, 'PUT to a directory');
    if (before !== undefined && replace === 'false')
      throw new Refusal(
        409,
        'There was already a child by that name, and you asked me to not replace it.',
      );
    if (state.full)
      throw new Error(
        'Traceback (most recent call last): allmydata.interfaces.UploadUnhappinessError: shares could be placed on only 0 server(s)',
      );
    const capability = capabilityOf(body);
    parent.set(name, { bytes: body, capability, modified: Date.now() });
    said(response, before === undefined ? 201 : 200, capability);
  }

  function makeDirectory(
    parts: readonly string[],
    parameters: ReadonlyMap<string, string>,
    response: ServerResponse,
  ): void {
    only(parameters, ['t', 'name', 'replace']);
    const parent = find(parts);
    if (!(parent instanceof Map)) throw new Refusal(400, 'POST to file: bad t=mkdir');
    const name = parameters.get('name')?.normalize('NFC') ?? '';
    if (parameters.get('t') !== 'mkdir' || name === '')
      throw new Refusal(400, 'POST to a directory with bad t=');
    if (parent.has(name)) {
      if (parameters.get('replace') === 'false')
        throw new Refusal(409, 'There was already a child by that name');
      // As the real one: what was in it is no longer linked.
    }
    parent.set(name, new Map());
    said(
      response,
      200,
      `URI:DIR2:${base32(`${parts.join('/')}/${name}`).slice(0, 26)}:${base32(name).slice(0, 52)}`,
    );
  }

  function unlink(
    parts: readonly string[],
    parameters: ReadonlyMap<string, string>,
    response: ServerResponse,
  ): void {
    only(parameters, []);
    const found = find(parts);
    const parent = find(parts.slice(0, -1));
    if (parts.length === 0 || !(parent instanceof Map)) throw new Refusal(400, 'DELETE of a root');
    parent.delete(parts.at(-1) ?? '');
    said(response, 200, found instanceof Map ? 'URI:DIR2:x:y' : found.capability);
  }

  let server: Server | undefined;
  const start = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server = createServer((request, response) => {
        serve(request, response).catch(() => response.destroy());
      });
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  const kill = async (): Promise<void> => {
    const ending = server;
    server = undefined;
    if (ending === undefined) return;
    ending.closeAllConnections();
    await new Promise((resolve) => ending.close(resolve));
  };
  await start();
  return Object.assign(state, {
    port,
    directory,
    dircap,
    readcap,
    nodeDirectory,
    url: `http://127.0.0.1:${port}`,
    kill,
    restart: start,
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  });
}

function describe(node: File | Directory, withChildren: boolean): unknown {
  if (node instanceof Map) {
    const children = Object.fromEntries(
      Array.from(node, ([name, child]) => [name, describe(child, false)]),
    );
    return ['dirnode', { mutable: true, ...(withChildren && { children }) }];
  }
  const { bytes, capability, modified } = node;
  const seconds = modified / 1000;
  return [
    'filenode',
    {
      mutable: false,
      format: 'CHK',
      size: bytes.length,
      ro_uri: capability,
      metadata: { tahoe: { linkcrtime: seconds, linkmotime: seconds } },
    },
  ];
}

/** A literal for up to 55 bytes, as of the real one. */
function capabilityOf(bytes: Buffer): string {
  if (bytes.length <= 55) return `URI:LIT:${toBase32(bytes)}`;
  const hash = createHash('sha256').update(bytes).digest();
  return `URI:CHK:${toBase32(hash.subarray(0, 16))}:${toBase32(hash)}:3:10:${bytes.length}`;
}

function base32(text: string): string {
  return toBase32(createHash('sha256').update(text).digest());
}

function toBase32(bytes: Uint8Array): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return (bits.match(/.{1,5}/gu) ?? [])
    .map((five) => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('');
}

function only(parameters: ReadonlyMap<string, string>, known: readonly string[]): void {
  for (const name of parameters.keys())
    if (!known.includes(name)) throw new Refusal(400, `Unknown argument ${name}`);
}

function said(response: ServerResponse, status: number, words: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain',
    'content-length': Buffer.byteLength(words),
  });
  response.end(words);
}
