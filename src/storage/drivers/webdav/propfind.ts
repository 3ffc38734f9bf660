import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { readMultistatus, type ResourceStatus } from './multistatus.ts';
import { isSentToCollection } from './refusal.ts';
import { encodePath, partsOfHref } from './resource-path.ts';
import type { WebdavClient } from './webdav-client.ts';

/** What is at a path. */
export type Resource =
  | { readonly kind: 'missing' }
  | { readonly kind: 'collection' }
  | { readonly kind: 'object'; readonly size: number; readonly modified?: number };

/** One member of a directory. */
export interface Member {
  /** Its own name, without those of the directories above. */
  readonly part: string;
  readonly resource: Resource;
}

export interface Listing {
  readonly members: readonly Member[];
  /** The server's time at the beginning of its answer, milliseconds since 1970. */
  readonly time: number | undefined;
}

const wanted =
  '<?xml version="1.0" encoding="utf-8"?>' +
  '<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/></prop></propfind>';

/** Statuses by which servers also say that something on the way to a resource is no directory. */
const doubtful: ReadonlySet<number> = new Set([400, 403, 405, 409]);
/** The one of them that says that something on the way is missing (RFC 4918, section 9.3.1). */
const conflict = 409;

/** Asks a server what is where (RFC 4918, section 9.1). */
export class Propfind {
  readonly #client: WebdavClient;
  readonly #base: readonly string[];

  /** `base` are the parts of the destination's path. */
  constructor(client: WebdavClient, base: readonly string[]) {
    this.#client = client;
    this.#base = base;
  }

  /** What is at the path of these parts. */
  async lookAt(
    parts: readonly string[],
    options: CallOptions & { readonly action: string },
  ): Promise<Resource> {
    const path = parts.length === 0 ? '/' : encodePath(parts, 'object');
    const request = this.#request(path, '0', options);
    const response = await this.#client.send(request);
    if (response.status === 207) {
      let meant: ResourceStatus | undefined;
      for await (const found of readMultistatus(response.stream(), options.action)) {
        // The depth was 0: there is one answer, about what was asked for.
        if (meant !== undefined || !isAt(found, parts)) throw elsewhere(options.action);
        meant = found;
      }
      if (meant === undefined) throw elsewhere(options.action);
      return resourceOf(meant, options.action);
    }
    if (isSentToCollection(response, this.#client.urlOf(path))) {
      await response.discard();
      return { kind: 'collection' };
    }
    if (response.status === 404 || response.status === 410) {
      await response.discard();
      return { kind: 'missing' };
    }
    const error = await this.#client.refusal(response, request);
    if (doubtful.has(response.status) && parts.length > 0) {
      const parent = await this.lookAt(parts.slice(0, -1), options);
      if (parent.kind === 'object') return { kind: 'missing' };
      // Of what is above the base nothing has to be seen: often it is no WebDAV, and then a refusal is what it says.
      const isBelow = parts.length > this.#base.length || response.status === conflict;
      if (parent.kind === 'missing' && isBelow) return { kind: 'missing' };
    }
    throw error;
  }

  /** The members of a directory; `undefined` when it does not exist, or is none. */
  async list(
    parts: readonly string[],
    options: CallOptions & { readonly action: string },
  ): Promise<Listing | undefined> {
    const path = encodePath(parts, 'collection');
    const request = this.#request(path, '1', options);
    const response = await this.#client.send(request);
    if (response.status !== 207) {
      const error = await this.#client.refusal(response, request);
      if (response.status === 404 || response.status === 410) return undefined;
      if (!doubtful.has(response.status)) throw error;
      if ((await this.lookAt(parts, options)).kind !== 'collection') return undefined;
      throw error;
    }
    const members: Member[] = [];
    const seen = new Set<string>();
    let isThere = false;
    for await (const found of readMultistatus(response.stream(), options.action)) {
      const at = partsOfHref(found.href);
      // A name that is not UTF-8 was not given by us, and cannot be given back.
      if (at === undefined) continue;
      if (!startsWith(at, parts)) throw elsewhere(options.action);
      const part = at[parts.length];
      const resource = resourceOf(found, options.action);
      if (part === undefined) {
        if (resource.kind === 'object') return undefined;
        isThere ||= resource.kind === 'collection';
        continue;
      }
      // What lies deeper is asked for by itself.
      if (at.length > parts.length + 1 || resource.kind === 'missing' || seen.has(part)) continue;
      seen.add(part);
      members.push({ part, resource });
    }
    // An answer that names nothing, not even what was asked for, is no empty directory.
    if (members.length === 0 && !isThere) {
      const found = await this.lookAt(parts, options);
      if (found.kind !== 'collection') return undefined;
    }
    return { members, time: timeOf(response.header('date')) };
  }

  #request(
    path: string,
    depth: '0' | '1',
    { action, signal }: CallOptions & { readonly action: string },
  ): Parameters<WebdavClient['send']>[0] {
    const headers = { depth, 'content-type': 'application/xml; charset=utf-8' };
    return { method: 'PROPFIND', path, headers, body: wanted, action, signal };
  }
}

function resourceOf(found: ResourceStatus, action: string): Resource {
  const { status, isCollection, length, modified } = found;
  if (status === 404 || status === 410) return { kind: 'missing' };
  if (status !== undefined) {
    throw new AppError(
      status === 401 || status === 403 ? 'storage/access-denied' : 'storage/unavailable',
      `Cannot ${action}: the server answers with status ${status} for "${found.href.slice(0, 300)}"`,
      { details: { status } },
    );
  }
  if (isCollection) return { kind: 'collection' };
  if (length === undefined || !/^[0-9]{1,15}$/u.test(length)) {
    throw new AppError(
      'storage/unavailable',
      `Cannot ${action}: the server does not say how large "${found.href.slice(0, 300)}" is`,
    );
  }
  const time = timeOf(modified);
  return { kind: 'object', size: Number(length), ...(time !== undefined && { modified: time }) };
}

function isAt(found: ResourceStatus, parts: readonly string[]): boolean {
  const at = partsOfHref(found.href);
  return at?.length === parts.length && startsWith(at, parts);
}

function startsWith(parts: readonly string[], start: readonly string[]): boolean {
  return start.every((part, index) => {
    const other = parts[index];
    // Servers on some file systems compose characters differently.
    return other === part || other?.normalize() === part.normalize();
  });
}

function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

function elsewhere(action: string): AppError {
  return new AppError(
    'storage/unavailable',
    `Cannot ${action}: the server answers for other paths than the one that was asked for`,
    {
      hint: 'Use the path by which the server itself calls this directory, not that of a proxy before it',
    },
  );
}
