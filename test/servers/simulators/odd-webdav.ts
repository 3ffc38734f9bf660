import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** What a WebDAV server may do differently; may be changed at any time. */
export interface Oddities {
  /** Every GET is answered with the whole file. */
  ignoresRange?: boolean;
  /** Files come without their length. */
  hidesLength?: boolean;
  /** A MOVE replaces whatever `Overwrite` says. */
  ignoresOverwrite?: boolean;
  /** `Destination` must be a path: the server does not know by which address it is reached. */
  wantsPath?: boolean;
  /** Names in listings are whole URLs, encoded as little as possible. */
  wholeUrls?: boolean;
  /** Answers a PROPFIND without the slash at the end of a directory by a redirection. */
  redirectsDirectories?: boolean;
  /** Digest with this algorithm; a nonce is good for `uses` requests. */
  digest?: {
    readonly algorithm: 'MD5' | 'SHA-256' | 'SHA-256-sess';
    readonly uses: number;
    readonly announcesNext?: boolean;
  };
  /** Takes a request over, before anything else is done. */
  instead?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Changes the answer to a PROPFIND. */
  rewrite?: (xml: string) => string;
  /** Bytes that are dropped at the end of every upload. */
  drops?: number;
}

export interface OddWebdav extends AsyncDisposable {
  readonly port: number;
  readonly oddities: Oddities;
  /** Method, path and header `Authorization` of every request. */
  readonly requests: {
    readonly method: string;
    readonly path: string;
    readonly authorization: string | undefined;
  }[];
}

/** User and password of Digest. */
export const oddUser = { user: 'Mufasa', password: 'Circle of Life' };

/** A WebDAV server in memory that keeps the rules of RFC 4918, but for the oddities that it is told to have. */
export async function oddWebdav(oddities: Oddities = {}): Promise<OddWebdav> {
  const files = new Map<string, Buffer>();
  const directories = new Set(['']);
  const requests: OddWebdav['requests'] = [];
  const digest = new DigestGate();
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    requests.push({ method, path: url, authorization: request.headers.authorization });
    if (oddities.instead?.(request, response) === true) return;
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces);
    if (oddities.digest !== undefined && !digest.lets(oddities.digest, request, response)) return;
    const path = nameOf(url);
    const end = (status: number, headers: Record<string, string> = {}): void =>
      void response.writeHead(status, headers).end();
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (method === 'PROPFIND') return find(path, request, response);
    if (method === 'MKCOL') {
      if (directories.has(path) || files.has(path)) return end(405);
      if (!directories.has(parent)) return end(409);
      directories.add(path);
      return end(201);
    }
    if (method === 'PUT') {
      if (directories.has(path)) return end(405);
      if (!directories.has(parent)) return end(409);
      const isNew = !files.has(path);
      files.set(path, body.subarray(0, body.length - (oddities.drops ?? 0)));
      return end(isNew ? 201 : 204);
    }
    if (method === 'MOVE') return move(path, request, end);
    const file = files.get(path);
    if (method === 'DELETE' && directories.delete(path)) {
      // RFC 4918, section 9.6.1: with everything in it.
      for (const other of [...files.keys(), ...directories])
        if (other.startsWith(`${path}/`) && !files.delete(other)) directories.delete(other);
      return end(204);
    }
    if (file === undefined) return end(directories.has(path) && method === 'GET' ? 403 : 404);
    if (method === 'DELETE') {
      files.delete(path);
      return end(204);
    }
    if (method === 'GET') return give(file, request, response);
    end(405);
  }

  function move(path: string, request: IncomingMessage, end: (status: number) => void): void {
    const { destination, overwrite } = request.headers;
    const file = files.get(path);
    if (typeof destination !== 'string') return end(400);
    if (oddities.wantsPath === true ? !destination.startsWith('/') : destination.startsWith('/'))
      return end(oddities.wantsPath === true ? 502 : 400);
    const target = nameOf(destination.replace(/^http:\/\/[^/]*/u, ''));
    if (file === undefined) return end(404);
    if (directories.has(target)) return end(409);
    const isThere = files.has(target);
    if (isThere && overwrite === 'F' && oddities.ignoresOverwrite !== true) return end(412);
    files.delete(path);
    files.set(target, file);
    end(isThere ? 204 : 201);
  }

  function give(file: Buffer, request: IncomingMessage, response: ServerResponse): void {
    const wanted = oddities.ignoresRange === true ? undefined : request.headers.range;
    const [, first = '', last = ''] = /^bytes=([0-9]+)-([0-9]*)$/u.exec(wanted ?? '') ?? [];
    const length = (bytes: Buffer): Record<string, string> =>
      oddities.hidesLength === true ? {} : { 'content-length': String(bytes.length) };
    if (first === '') {
      response.writeHead(200, length(file));
      // In two pieces, so that a length that is not told is not guessed.
      response.write(file.subarray(0, 1));
      return void response.end(file.subarray(1));
    }
    const from = Number(first);
    if (from >= file.length) return void response.writeHead(416).end();
    const part = file.subarray(from, last === '' ? undefined : Number(last) + 1);
    response.writeHead(206, {
      ...length(part),
      'content-range': `bytes ${from}-${from + part.length - 1}/${file.length}`,
    });
    response.end(part);
  }

  function find(path: string, request: IncomingMessage, response: ServerResponse): void {
    const isDirectory = directories.has(path);
    const hasSlash = request.url?.endsWith('/') === true;
    if (!isDirectory && (hasSlash || !files.has(path))) return void response.writeHead(404).end();
    if (isDirectory && !hasSlash && oddities.redirectsDirectories === true)
      return void response.writeHead(301, { location: `${request.url}/` }).end();
    const found = [path];
    if (isDirectory && request.headers['depth'] === '1') {
      const start = path === '' ? '' : `${path}/`;
      for (const other of [...directories, ...files.keys()])
        if (other !== '' && other.startsWith(start) && !other.slice(start.length).includes('/'))
          found.push(other);
    }
    const xml = `<?xml version="1.0"?>\n<multistatus xmlns="DAV:">${found.map(describe).join('')}</multistatus>`;
    response.writeHead(207, { 'content-type': 'application/xml' });
    response.end(oddities.rewrite?.(xml) ?? xml);
  }

  function describe(path: string): string {
    const file = files.get(path);
    const encode = oddities.wholeUrls === true ? encodeLittle : encodeURIComponent;
    const href = `/${path.split('/').map(encode).join('/')}${file === undefined && path !== '' ? '/' : ''}`;
    const whole = oddities.wholeUrls === true ? `https://dav.example:8443${href}` : href;
    const text = whole.replaceAll('&', '&amp;').replaceAll('<', '&#60;');
    const properties =
      file === undefined
        ? '<resourcetype><collection/></resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat><propstat><prop><getcontentlength/></prop><status>HTTP/1.1 404 Not Found</status></propstat>'
        : `<resourcetype/><getcontentlength>${file.length}</getcontentlength><getlastmodified>Sat, 21 Nov 2026 03:09:35 GMT</getlastmodified></prop><status>HTTP/1.1 200 OK</status></propstat>`;
    return `<response><href>${text}</href><propstat><prop>${properties}</response>`;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    oddities,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A path of the server as the name by which its resource is kept: decoded, without slashes around it. */
function nameOf(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '')
    .map((part) => decodeURIComponent(part))
    .join('/');
}

function encodeLittle(part: string): string {
  return part.replaceAll(/[%?#\p{Cc} ]/gu, encodeURIComponent);
}

/** The server's side of RFC 7616. */
class DigestGate {
  readonly #left = new Map<string, number>();

  lets(
    { algorithm, uses, announcesNext = false }: NonNullable<Oddities['digest']>,
    request: IncomingMessage,
    response: ServerResponse,
  ): boolean {
    const said = Object.fromEntries(
      (request.headers.authorization ?? '')
        .matchAll(/([a-z]+)=(?:"([^"]*)"|([^\s,]*))/gu)
        .map(([, name = '', quoted, plain = '']) => [name, quoted ?? plain]),
    );
    const hash = (...parts: readonly (string | undefined)[]): string =>
      createHash(algorithm.startsWith('SHA') ? 'sha256' : 'md5')
        .update(parts.join(':'))
        .digest('hex');
    const { nonce = '', cnonce, nc } = said;
    const secret = hash(oddUser.user, 'lions', oddUser.password);
    const key = algorithm.endsWith('-sess') ? hash(secret, nonce, cnonce) : secret;
    const right = hash(key, nonce, nc, cnonce, 'auth', hash(request.method, request.url));
    const isRight =
      said['response'] === right && said['uri'] === request.url && said['algorithm'] === algorithm;
    const left = this.#left.get(nonce) ?? 0;
    if (isRight && left > 0) {
      this.#left.set(nonce, left - 1);
      if (announcesNext && left === 1)
        response.setHeader(
          'authentication-info',
          `nextnonce="${this.#nonce(uses)}", qop=auth, nc=${nc}`,
        );
      return true;
    }
    const stale = isRight ? ', stale=true' : '';
    response.writeHead(401, {
      'www-authenticate': [
        'Basic realm="lions"',
        `Digest realm="lions", qop="auth,auth-int", algorithm=${algorithm}, nonce="${this.#nonce(uses)}", opaque="o"${stale}`,
      ],
    });
    response.end();
    return false;
  }

  #nonce(uses: number): string {
    const nonce = randomBytes(16).toString('hex');
    this.#left.set(nonce, uses);
    return nonce;
  }
}
