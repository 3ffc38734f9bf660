/** The parts of Microsoft Graph that a storage on OneDrive needs, by its public description: strict about what comes in. */
import type { DurableMap } from './journal.ts';
import { hasForbiddenName, keyOf, naiveQuickXorHash } from './onedrive-rules.ts';
import { SimulatedOauth } from './simulated-oauth.ts';
import {
  type Answer,
  type Call,
  rangeAnswer,
  Refusal,
  serveSimulator,
  type Service,
  type Simulator,
} from './simulator.ts';

interface Item {
  readonly id: string;
  readonly name: string;
  /** Grows with every change. */
  readonly version: number;
  readonly folder: boolean;
  readonly size: number;
  readonly content?: string;
  readonly hash?: string;
  readonly modified: string;
}

interface Session {
  readonly drive: string;
  readonly path: string;
  readonly behavior: string;
  bytes: Buffer;
  total: number | undefined;
}

const unit = 320 * 1024;
const largestFragment = 60 * 1024 ** 2;
const largestAtOnce = 250 * 1024 ** 2;

/** The drives that there are, by their paths in Graph. */
const drives: Readonly<Record<string, string>> = {
  'me/drive': 'me',
  'drives/drive-1': 'me',
  'sites/example.sharepoint.com,1111,2222/drive': 'site',
  'groups/group-1/drive': 'group',
};

function onedrive(simulator: Simulator): Service {
  const { control, journal } = simulator;
  const oauth = new SimulatedOauth(simulator);
  /** By drive and folded path: `me/a/b`. */
  const items: DurableMap<Item> = journal.map('items');
  const children = new Map<string, Set<string>>();
  const sessions = new Map<string, Session>();
  const pages = new Map<string, readonly string[]>();
  let versions = items.size;
  for (const [key] of items.entries()) index(key);

  return (call) => {
    const { pathname } = call.url;
    if (/^\/[^/]+\/oauth2\/v2\.0\/token$/u.test(pathname)) return oauth.token(call);
    if (pathname === '/authid/refresh') return oauth.authId(call);
    outage();
    const handed = /^\/(download|upload)\/([^/]+)$/u.exec(pathname);
    if (handed !== null) {
      // These addresses are for everybody who has them, and for nobody's token.
      if (call.header('authorization') !== '') throw failure(401, 'unauthenticated');
      const [, kind, key = ''] = handed;
      return kind === 'upload' ? fragment(call, key) : download(call, key);
    }
    if (!pathname.startsWith('/v1.0/')) throw failure(404, 'BadRequest');
    if (oauth.problemOf(call) !== undefined) throw failure(401, 'InvalidAuthenticationToken');
    if ((control.rateLimited ?? 0) > 0) {
      control.rateLimited = (control.rateLimited ?? 0) - 1;
      throw new Refusal({
        status: 429,
        headers: { 'retry-after': String(control.retryAfter ?? 1) },
        body: { error: { code: 'activityLimitReached', message: 'Too many requests' } },
      });
    }
    return graph(call, pathname.slice('/v1.0/'.length));
  };

  function outage(): void {
    if ((control.outages ?? 0) <= 0) return;
    control.outages = (control.outages ?? 0) - 1;
    throw failure(503, 'serviceNotAvailable');
  }

  function graph(call: Call, path: string): Answer {
    if (path === 'sites/example.sharepoint.com:/sites/team')
      return { status: 200, body: { id: 'example.sharepoint.com,1111,2222' } };
    if (/^sites\/[^/]+(?::|$)/u.test(path)) throw failure(404, 'itemNotFound', 'No such site');
    if (path === 'groups') {
      checkParameters(call, ['$filter', '$select']);
      const isKnown = call.url.searchParams.get('$filter') === "mail eq 'team@example.org'";
      return { status: 200, body: { value: isKnown ? [{ id: 'group-1' }] : [] } };
    }
    const removal = /^(.+)\/items\/([^/]+)\/permanentDelete$/u.exec(path);
    if (removal !== null && call.method === 'POST')
      return removeById(driveOf(removal[1] ?? ''), decodeURIComponent(removal[2] ?? ''));
    const parts =
      /^(?<drive>.+?\/drive|drives\/[^/]+)\/(?<root>root|special\/approot)(?::\/(?<path>[^:]+):?)?(?<rest>\/(?:children|content|createUploadSession))?$/u.exec(
        path,
      )?.groups;
    if (parts === undefined) throw failure(400, 'invalidRequest', `Not understood: ${path}`);
    const drive = driveOf(decodeURIComponent(parts['drive'] ?? ''));
    const above = parts['root'] === 'root' ? '' : '/Apps/Simulated';
    const given = (parts['path'] ?? '').split('/').map(decodeURIComponent).join('/');
    const place = `${above}${given === '' ? '' : `/${given}`}`;
    simulator.count(`${call.method} ${parts['rest'] ?? 'item'}`);
    switch (`${call.method} ${parts['rest'] ?? ''}`) {
      case 'GET ':
        checkParameters(call, ['$select', '$expand']);
        return { status: 200, body: described(existing(drive, place), call, true) };
      case 'DELETE ':
        return remove(call, drive, place);
      case 'GET /children':
        return list(call, drive, place);
      case 'PUT /content':
        return upload(call, drive, place);
      case 'POST /createUploadSession':
        return startSession(call, drive, place);
      default:
        throw failure(405, 'invalidRequest');
    }
  }

  function driveOf(path: string): string {
    const drive = drives[path];
    if (drive === undefined) throw failure(404, 'itemNotFound', "User's mysite not found.");
    return drive;
  }

  function existing(drive: string, place: string): Item {
    if (place === '' || place === '/Apps/Simulated')
      return { id: 'root', name: 'root', version: 0, folder: true, size: 0, modified: '' };
    const item = items.get(keyOf(drive + place));
    if (item === undefined) throw failure(404, 'itemNotFound');
    return item;
  }

  function upload(call: Call, drive: string, place: string): Answer {
    checkParameters(call, ['@microsoft.graph.conflictBehavior']);
    if (call.body.byteLength > largestAtOnce) throw failure(413, 'invalidRequest');
    const behavior = call.url.searchParams.get('@microsoft.graph.conflictBehavior') ?? 'replace';
    return store(call, { drive, path: place, behavior }, call.body);
  }

  function startSession(call: Call, drive: string, place: string): Answer {
    checkParameters(call, []);
    const { item = {}, ...others } = JSON.parse(call.body.toString('utf8')) as {
      readonly item?: Readonly<Record<string, unknown>>;
    };
    const unknown = [...Object.keys(others), ...Object.keys(item)].filter(
      (name) => !['@microsoft.graph.conflictBehavior', 'name', 'fileSize'].includes(name),
    );
    if (unknown.length > 0) throw failure(400, 'invalidRequest', `Unknown ${unknown.join(', ')}`);
    const behavior = item['@microsoft.graph.conflictBehavior'] ?? 'replace';
    if (typeof behavior !== 'string') throw failure(400, 'invalidRequest');
    checkPlace({ drive, path: place, behavior });
    const key = `session-${sessions.size}-${Date.now()}`;
    sessions.set(key, { drive, path: place, behavior, bytes: Buffer.alloc(0), total: undefined });
    const expirationDateTime = new Date(Date.now() + 86_400_000).toISOString();
    const uploadUrl = `${call.origin}/upload/${key}`;
    return { status: 200, body: { uploadUrl, expirationDateTime, nextExpectedRanges: ['0-'] } };
  }

  function fragment(call: Call, key: string): Answer {
    const session = sessions.get(key);
    if (session === undefined)
      throw failure(404, 'itemNotFound', 'The upload session was not found');
    if (call.method === 'DELETE') {
      sessions.delete(key);
      simulator.count('sessions abandoned');
      return { status: 204 };
    }
    const place = /^bytes (\d+)-(\d+)\/(\d+)$/u.exec(call.header('content-range'));
    if (call.method !== 'PUT' || place === null) throw failure(400, 'invalidRequest');
    const [first, last, total] = place.slice(1).map(Number) as [number, number, number];
    const size = call.body.byteLength;
    if (first !== session.bytes.byteLength || (session.total ?? total) !== total)
      throw failure(416, 'invalidRange', 'The uploaded fragment overlaps or leaves a gap');
    if (last - first + 1 !== size || last >= total) throw failure(400, 'invalidRange');
    if (size > largestFragment || (last + 1 < total && size % unit !== 0))
      throw failure(400, 'invalidRequest', 'The fragment is no multiple of 320 KiB');
    session.total = total;
    session.bytes = Buffer.concat([session.bytes, call.body]);
    if (last + 1 < total)
      return { status: 202, body: { nextExpectedRanges: [`${last + 1}-${total - 1}`] } };
    sessions.delete(key);
    return store(call, session, session.bytes);
  }

  /** Whether something may be stored there; what is there already. */
  function checkPlace({
    drive,
    path,
    behavior,
  }: Pick<Session, 'drive' | 'path' | 'behavior'>): Item | undefined {
    if (path === '') throw failure(400, 'invalidRequest');
    if (hasForbiddenName(path)) throw failure(400, 'invalidRequest', 'The name is not allowed');
    for (const parent of parentsOf(path))
      if (items.get(keyOf(drive + parent))?.folder === false)
        throw failure(404, 'itemNotFound', 'The parent is no folder');
    const old = items.get(keyOf(drive + path));
    if (old?.folder === true || (old !== undefined && behavior === 'fail'))
      throw failure(409, 'nameAlreadyExists');
    if (behavior !== 'fail' && behavior !== 'replace') throw failure(400, 'invalidRequest');
    return old;
  }

  function store(
    call: Call,
    target: Pick<Session, 'drive' | 'path' | 'behavior'>,
    bytes: Buffer,
  ): Answer {
    const old = checkPlace(target);
    if (control.quota !== undefined) {
      const used = items.values().reduce((sum, { size }) => sum + size, 0) - (old?.size ?? 0);
      if (used + bytes.byteLength > control.quota) throw failure(507, 'quotaLimitReached');
    }
    const { drive, path } = target;
    for (const parent of parentsOf(path)) {
      if (items.has(keyOf(drive + parent))) continue;
      keep(drive + parent, made(parent.split('/').at(-1) ?? '', { folder: true, size: 0 }));
    }
    const kept =
      control.damageUploads === true ? Buffer.from(bytes.map((byte) => byte ^ 1)) : bytes;
    const item = {
      ...made(old?.name ?? path.split('/').at(-1) ?? '', {
        folder: false,
        size: kept.byteLength,
        content: journal.store(kept),
        hash: naiveQuickXorHash(kept),
      }),
      ...(old && { id: old.id }),
    };
    keep(drive + path, item);
    return { status: old === undefined ? 201 : 200, body: described(item, call, true) };
  }

  function made(
    name: string,
    more: Pick<Item, 'folder' | 'size'> & Partial<Pick<Item, 'content' | 'hash'>>,
  ): Item {
    versions++;
    return {
      id: `A!${versions}`,
      name,
      version: versions,
      modified: new Date().toISOString(),
      ...more,
    };
  }

  function remove(call: Call, drive: string, place: string): Answer {
    let item = existing(drive, place);
    if (control.changeBeforeDelete === true) {
      control.changeBeforeDelete = false;
      item = { ...item, version: (versions += 1) };
      keep(drive + place, item);
    }
    const wanted = call.header('if-match');
    if (wanted !== '' && wanted !== tagOf(item)) throw failure(412, 'resourceModified');
    drop(keyOf(drive + place));
    return { status: 204 };
  }

  function removeById(drive: string, id: string): Answer {
    const key = items
      .entries()
      .find(([at, item]) => item.id === id && at.startsWith(`${drive}/`))?.[0];
    if (key === undefined) throw failure(404, 'itemNotFound');
    simulator.count('removed for good');
    drop(key);
    return { status: 204 };
  }

  function keep(place: string, item: Item): void {
    items.set(keyOf(place), item);
    index(keyOf(place));
  }

  function index(key: string): void {
    const parent = key.slice(0, key.lastIndexOf('/'));
    const below = children.get(parent) ?? new Set();
    below.add(key);
    children.set(parent, below);
  }

  function drop(key: string): void {
    for (const child of children.get(key) ?? []) drop(child);
    items.delete(key);
    children.get(key.slice(0, key.lastIndexOf('/')))?.delete(key);
  }

  function list(call: Call, drive: string, place: string): Answer {
    checkParameters(call, ['$top', '$select', '$skiptoken', '$orderby']);
    const { searchParams } = call.url;
    const wanted = Number(searchParams.get('$top') ?? 200);
    if (!(wanted >= 1 && wanted <= 1000)) throw failure(400, 'invalidRequest', '$top');
    const top = Math.min(wanted, control.pageSize ?? wanted);
    if (!existing(drive, place).folder) return { status: 200, body: { value: [] } };
    if (control.expireCursors === true && searchParams.has('$skiptoken')) {
      pages.clear();
      control.expireCursors = false;
    }
    const token = searchParams.get('$skiptoken');
    const keys =
      token === null ? Array.from(children.get(keyOf(drive + place)) ?? []) : pages.get(token);
    if (keys === undefined) throw failure(410, 'resyncRequired');
    const value = keys.slice(0, top).flatMap((key) => {
      const item = items.get(key);
      return item === undefined ? [] : [described(item, call, false)];
    });
    if (keys.length <= top) return { status: 200, body: { value } };
    const next = `page-${pages.size}-${Date.now()}`;
    pages.set(next, keys.slice(top));
    const address = new URL(call.url);
    address.searchParams.set('$skiptoken', next);
    return { status: 200, body: { value, '@odata.nextLink': address.toString() } };
  }

  function download(call: Call, key: string): Answer {
    if (call.method !== 'GET') throw failure(405, 'invalidRequest');
    return rangeAnswer(call, journal.load(key));
  }
}

function described(
  item: Item,
  call: Call,
  withAddress: boolean,
): Readonly<Record<string, unknown>> {
  const whole: Readonly<Record<string, unknown>> = {
    id: item.id,
    name: item.name,
    size: item.size,
    eTag: tagOf(item),
    lastModifiedDateTime: item.modified,
    ...(item.folder
      ? { folder: { childCount: 0 } }
      : { file: { mimeType: 'application/octet-stream', hashes: { quickXorHash: item.hash } } }),
    ...(withAddress &&
      !item.folder && {
        '@microsoft.graph.downloadUrl': `${call.origin}/download/${item.content}`,
      }),
  };
  const selected = call.url.searchParams.get('$select')?.split(',');
  if (selected === undefined) return whole;
  return Object.fromEntries(Object.entries(whole).filter(([name]) => selected.includes(name)));
}

function tagOf({ id, version }: Item): string {
  return `"{${id}},${version}"`;
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function checkParameters(call: Call, known: readonly string[]): void {
  for (const name of call.url.searchParams.keys())
    if (!known.includes(name)) throw failure(400, 'invalidRequest', `Unknown parameter ${name}`);
}

function failure(status: number, code: string, message = code): Refusal {
  return new Refusal({ status, body: { error: { code, message } } });
}

serveSimulator(onedrive);
