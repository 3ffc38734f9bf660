/** The parts of the Drive API (version 3) that a storage needs, by its public description: strict about what comes in. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { parseDriveQuery, type Query } from './drive-query.ts';
import type { DurableMap } from './journal.ts';
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

interface File {
  readonly id: string;
  readonly name: string;
  readonly mimeType: string;
  readonly parents: readonly string[];
  readonly driveId?: string;
  readonly trashed: boolean;
  readonly createdTime: string;
  readonly modifiedTime: string;
  readonly content?: string;
  readonly size?: string;
  readonly md5Checksum?: string;
  readonly sha256Checksum?: string;
}

interface Upload {
  readonly id?: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly size: number;
}

const folderType = 'application/vnd.google-apps.folder';
const ownRoot = 'my-drive-root';
/** A shared drive; its root has the same id. */
const sharedDrive = 'shared-drive-1';

const projectable: ReadonlySet<string> = new Set([
  'id',
  'name',
  'mimeType',
  'parents',
  'driveId',
  'trashed',
  'createdTime',
  'modifiedTime',
  'size',
  'md5Checksum',
  'sha256Checksum',
]);

function googleDrive(simulator: Simulator): Service {
  const { control, journal } = simulator;
  const keyFile = path.join(process.argv[3] ?? '', 'service-account.pub');
  const oauth = new SimulatedOauth(
    simulator,
    existsSync(keyFile) ? readFileSync(keyFile, 'utf8') : undefined,
  );
  const files: DurableMap<File> = journal.map('files');
  const children = new Map<string, Set<string>>();
  const uploads = new Map<string, Upload>();
  const tokens = new Map<string, { readonly query: string; readonly after: number }>();
  if (files.size === 0) {
    for (const id of [ownRoot, sharedDrive]) {
      keep({
        ...created('root', folderType, [], id === sharedDrive ? sharedDrive : undefined),
        id,
      });
    }
  } else for (const file of files.values()) index(file);

  return (call) => {
    const { pathname } = call.url;
    if (pathname === '/token') return oauth.token(call);
    if (pathname === '/authid/refresh') return oauth.authId(call);
    if (oauth.problemOf(call) !== undefined) throw failure(401, 'authError', 'Invalid Credentials');
    if ((control.rateLimited ?? 0) > 0) {
      control.rateLimited = (control.rateLimited ?? 0) - 1;
      // Drive answers so as often as by 429, and seldom says how long to wait.
      throw failure(403, 'userRateLimitExceeded', 'User Rate Limit Exceeded');
    }
    if ((control.outages ?? 0) > 0) {
      control.outages = (control.outages ?? 0) - 1;
      throw failure(503, 'backendError', 'Backend Error');
    }
    const [, isUpload, id] =
      /^(\/upload)?\/drive\/v3\/files(?:\/([^/]+))?$/u.exec(pathname) ?? refuse(404);
    simulator.count(`${call.method} ${isUpload ?? ''}`.trim());
    if (isUpload !== undefined) return upload(call, id);
    return id === undefined ? collection(call) : single(call, decodeURIComponent(id));
  };

  function collection(call: Call): Answer {
    if (call.method === 'GET') return list(call);
    if (call.method !== 'POST') refuse(405);
    checkParameters(call, ['fields', 'supportsAllDrives']);
    const made = create(metadataIn(call.body.toString('utf8'), call), call);
    if (made.mimeType === folderType) simulator.count('folders made');
    return { status: 200, body: projected(made, call) };
  }

  function single(call: Call, id: string): Answer {
    if (call.method === 'GET') {
      checkParameters(call, ['fields', 'alt', 'supportsAllDrives', 'acknowledgeAbuse']);
      const file = existing(id, call);
      if (call.url.searchParams.get('alt') !== 'media')
        return { status: 200, body: projected(file, call) };
      if (file.content === undefined)
        throw failure(403, 'fileNotDownloadable', 'Only files with binary content can be fetched');
      return rangeAnswer(call, journal.load(file.content));
    }
    checkParameters(call, ['fields', 'supportsAllDrives']);
    const file = existing(id, call);
    if (call.method === 'DELETE') {
      if (file.driveId !== undefined)
        throw failure(403, 'insufficientFilePermissions', 'The user has not granted the app');
      drop(file);
      return { status: 204 };
    }
    if (call.method !== 'PATCH') refuse(405);
    const given = metadataIn(call.body.toString('utf8'), call);
    const trashed = given['trashed'] === undefined ? file.trashed : given['trashed'] === true;
    const changed = { ...file, trashed };
    keep(changed);
    return { status: 200, body: projected(changed, call) };
  }

  function upload(call: Call, id: string | undefined): Answer {
    const parameters = ['uploadType', 'upload_id', 'fields', 'supportsAllDrives'];
    checkParameters(call, parameters);
    const session = call.url.searchParams.get('upload_id');
    if (session !== null) return uploadContent(call, session);
    const type = call.url.searchParams.get('uploadType');
    if (call.method !== (id === undefined ? 'POST' : 'PATCH')) refuse(405);
    if (type === 'multipart') {
      const { metadata, bytes } = multipart(call);
      return { status: 200, body: projected(store(metadata, id, bytes, call), call) };
    }
    if (type !== 'resumable') throw failure(400, 'badRequest', 'Unknown upload type');
    const size = Number(call.header('x-upload-content-length'));
    if (!Number.isSafeInteger(size)) throw failure(400, 'badRequest', 'No length');
    const metadata = metadataIn(call.body.toString('utf8'), call);
    if (id === undefined) parentOf(metadata, call);
    else existing(id, call);
    const key = `upload-${uploads.size}-${Date.now()}`;
    uploads.set(key, { metadata, size, ...(id !== undefined && { id }) });
    const address = new URL(call.url);
    address.searchParams.set('upload_id', key);
    return { status: 200, headers: { location: address.toString() }, body: '' };
  }

  function uploadContent(call: Call, key: string): Answer {
    const pending = uploads.get(key);
    if (pending === undefined || call.method !== 'PUT') throw failure(404, 'notFound', 'No upload');
    const range = call.header('content-range');
    const whole = `bytes 0-${pending.size - 1}/${pending.size}`;
    if ((range !== '' && range !== whole) || call.body.byteLength !== pending.size)
      throw failure(400, 'badRequest', `Not the announced bytes: ${range}`);
    uploads.delete(key);
    return {
      status: 200,
      body: projected(store(pending.metadata, pending.id, call.body, call), call),
    };
  }

  function store(
    metadata: Readonly<Record<string, unknown>>,
    id: string | undefined,
    bytes: Buffer,
    call: Call,
  ): File {
    const file = id === undefined ? drafted(metadata, call) : existing(id, call);
    if (control.quota !== undefined) {
      const used = files.values().reduce((sum, { size }) => sum + Number(size ?? 0), 0);
      if (used - Number(file.size ?? 0) + bytes.byteLength > control.quota)
        throw failure(
          403,
          'storageQuotaExceeded',
          "The user's Drive storage quota has been exceeded",
        );
    }
    const kept =
      control.damageUploads === true ? Buffer.from(bytes.map((byte) => byte ^ 1)) : bytes;
    const stored: File = {
      ...file,
      modifiedTime: new Date().toISOString(),
      content: journal.store(kept),
      size: String(kept.byteLength),
      md5Checksum: createHash('md5').update(kept).digest('hex'),
      sha256Checksum: createHash('sha256').update(kept).digest('hex'),
    };
    keep(stored);
    return stored;
  }

  function create(metadata: Readonly<Record<string, unknown>>, call: Call): File {
    const made = drafted(metadata, call);
    keep(made);
    return made;
  }

  function drafted(metadata: Readonly<Record<string, unknown>>, call: Call): File {
    const parent = parentOf(metadata, call);
    const { name, mimeType } = metadata;
    return created(
      typeof name === 'string' ? name : 'Untitled',
      typeof mimeType === 'string' ? mimeType : 'application/octet-stream',
      [parent.id],
      parent.driveId,
    );
  }

  function parentOf(metadata: Readonly<Record<string, unknown>>, call: Call): File {
    const [parent = 'root', ...others] =
      (metadata['parents'] as readonly string[] | undefined) ?? [];
    if (others.length > 0) throw failure(400, 'multipleParents', 'A file has one parent');
    const folder = existing(parent, call);
    if (folder.mimeType !== folderType)
      throw failure(403, 'parentNotAFolder', 'The specified parent is not a folder.');
    return folder;
  }

  function created(
    name: string,
    mimeType: string,
    parents: readonly string[],
    driveId: string | undefined,
  ): File {
    const now = new Date().toISOString();
    const id = `1${(files.size + 1_000_000).toString(36)}${Math.trunc(performance.now() * 1000).toString(36)}`;
    const times = { createdTime: now, modifiedTime: now };
    return { id, name, mimeType, parents, trashed: false, ...times, ...(driveId && { driveId }) };
  }

  function keep(file: File): void {
    files.set(file.id, file);
    index(file);
  }

  function index(file: File): void {
    for (const parent of file.parents) {
      const siblings = children.get(parent) ?? new Set();
      siblings.add(file.id);
      children.set(parent, siblings);
    }
  }

  function drop(file: File): void {
    files.delete(file.id);
    for (const parent of file.parents) children.get(parent)?.delete(file.id);
    for (const child of children.get(file.id) ?? []) {
      const below = files.get(child);
      if (below !== undefined) drop(below);
    }
  }

  function existing(id: string, call: Call): File {
    const file = files.get(id === 'root' ? ownRoot : id);
    const isHidden =
      file?.driveId !== undefined && call.url.searchParams.get('supportsAllDrives') !== 'true';
    if (file === undefined || isHidden) throw failure(404, 'notFound', `File not found: ${id}.`);
    return file;
  }

  function list(call: Call): Answer {
    checkParameters(call, [
      'q',
      'pageSize',
      'pageToken',
      'fields',
      'spaces',
      'corpora',
      'driveId',
      'orderBy',
      'includeItemsFromAllDrives',
      'supportsAllDrives',
    ]);
    const { searchParams } = call.url;
    const wanted = Number(searchParams.get('pageSize') ?? 100);
    if (!(wanted >= 1 && wanted <= 1000)) throw failure(400, 'invalidParameter', 'pageSize');
    const size = Math.min(wanted, control.pageSize ?? wanted);
    const drive = searchParams.get('driveId');
    const all = searchParams.get('includeItemsFromAllDrives') === 'true';
    if ((drive !== null) !== (searchParams.get('corpora') === 'drive') || (drive !== null && !all))
      throw failure(400, 'invalidParameter', 'corpora and driveId');
    const text = searchParams.get('q') ?? '';
    const parents: string[] = [];
    let query: Query;
    try {
      query = parseDriveQuery(text, (id) => {
        const folder = existing(id, call);
        parents.push(folder.id);
        return folder.id;
      });
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw failure(400, 'invalid', `Invalid Value: ${String(error)}`, 'q');
    }
    if (control.expireCursors === true && searchParams.has('pageToken')) {
      tokens.clear();
      control.expireCursors = false;
    }
    const token = searchParams.get('pageToken');
    const rest = token === null ? { query: text, after: 0 } : tokens.get(token);
    if (rest === undefined || rest.query !== text)
      throw failure(400, 'invalid', 'Invalid Value', 'pageToken');
    const ids =
      parents.length === 0
        ? files.values().map(({ id }) => id)
        : parents.flatMap((parent) => Array.from(children.get(parent) ?? []));
    const found = ids
      .map((id) => files.get(id))
      .filter((file) => file !== undefined)
      .filter(
        (file) => query(file) && (drive === null ? all || !file.driveId : file.driveId === drive),
      );
    // What a page has given is remembered by its number: pages are cut from the same list.
    const page = found.slice(rest.after, rest.after + size);
    const body: Record<string, unknown> = { incompleteSearch: false };
    if (found.length > rest.after + size) {
      const next = `page-${tokens.size}-${Date.now()}`;
      tokens.set(next, { query: text, after: rest.after + size });
      body['nextPageToken'] = next;
    }
    return { status: 200, body: { ...body, files: page.map((file) => projected(file, call)) } };
  }
}

/** The fields that were asked for; by default the four that Drive gives. */
function projected(file: File, call: Call): Readonly<Record<string, unknown>> {
  const written = call.url.searchParams.get('fields') ?? 'id,name,mimeType,kind';
  const wanted = (/files\(([^)]*)\)/u.exec(written)?.[1] ?? written).split(',');
  const chosen: Record<string, unknown> = {};
  for (const field of wanted) {
    if (field === 'kind') chosen['kind'] = 'drive#file';
    else if (!projectable.has(field))
      throw failure(400, 'invalidParameter', `Invalid field selection ${field}`);
    else if (field in file) chosen[field] = file[field as keyof File];
  }
  return chosen;
}

function metadataIn(text: string, call: Call): Readonly<Record<string, unknown>> {
  const type = call.header('content-type');
  if (!/^(?:application\/json|multipart\/related)/u.test(type))
    throw failure(400, 'badContent', `Unsupported content with type: ${type}`);
  const given = JSON.parse(text) as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given))
    if (!['name', 'mimeType', 'parents', 'trashed'].includes(name))
      throw failure(400, 'badRequest', `Unknown name "${name}"`);
  if (call.method === 'PATCH' && given['parents'] !== undefined)
    throw failure(403, 'fieldNotWritable', 'The parents field is not directly writable');
  return given;
}

function multipart(call: Call): {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly bytes: Buffer;
} {
  const boundary = /^multipart\/related; boundary=(\S+)$/u.exec(call.header('content-type'))?.[1];
  const bad = (): Refusal => failure(400, 'badContent', 'Malformed multipart body.');
  if (boundary === undefined) throw bad();
  const end = Buffer.from(`\r\n--${boundary}--\r\n`);
  const middle = Buffer.from(`\r\n--${boundary}\r\n`);
  const start = Buffer.from(`--${boundary}\r\n`);
  const split = call.body.indexOf(middle);
  if (!call.body.subarray(0, start.byteLength).equals(start) || split < 0) throw bad();
  if (!call.body.subarray(-end.byteLength).equals(end)) throw bad();
  const part = (bytes: Buffer): Buffer => {
    const head = bytes.indexOf('\r\n\r\n');
    if (head < 0 || !/^content-type: /iu.test(bytes.toString('latin1', 0, head))) throw bad();
    return bytes.subarray(head + 4);
  };
  return {
    metadata: metadataIn(part(call.body.subarray(start.byteLength, split)).toString('utf8'), call),
    bytes: part(call.body.subarray(split + middle.byteLength, -end.byteLength)),
  };
}

function checkParameters(call: Call, known: readonly string[]): void {
  for (const name of call.url.searchParams.keys())
    if (!known.includes(name)) throw failure(400, 'invalidParameter', `Unknown parameter ${name}`);
}

function refuse(status: number): never {
  throw new Refusal({ status, body: 'Not Found' });
}

function failure(status: number, reason: string, message: string, location?: string): Refusal {
  const errors = [{ domain: 'global', reason, message, ...(location && { location }) }];
  return new Refusal({ status, body: { error: { code: status, message, errors } } });
}

serveSimulator(googleDrive);
