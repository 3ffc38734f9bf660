/** The parts of Dropbox's HTTP interface (version 2) that a storage needs, by its public description: strict about what comes in. */
import { createHash } from 'node:crypto';

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

interface Entry {
  readonly tag: 'file' | 'folder';
  /** As it was written first. */
  readonly display: string;
  readonly rev: string;
  readonly content?: string;
  readonly size: number;
  readonly hash: string;
  readonly modified: string;
}

interface Session {
  bytes: Buffer;
  closed: boolean;
}

type Arguments = Readonly<Record<string, unknown>>;

const blockSize = 4 * 1024 ** 2;
const largestUpload = 150 * 1024 ** 2;

function dropbox(simulator: Simulator): Service {
  const { control, journal } = simulator;
  const oauth = new SimulatedOauth(simulator);
  const entries: DurableMap<Entry> = journal.map('entries');
  const sessions = new Map<string, Session>();
  const cursors = new Map<string, { readonly keys: string[]; readonly limit: number }>();
  let revisions = entries.size;

  const routes: Readonly<Record<string, (call: Call) => Answer>> = {
    '/2/files/upload': (call) => upload(content(call, uploadFields), call.body),
    '/2/files/upload_session/start': startSession,
    '/2/files/upload_session/append_v2': appendToSession,
    '/2/files/upload_session/finish': finishSession,
    '/2/files/download': download,
    '/2/files/get_metadata': getMetadata,
    '/2/files/list_folder': listFolder,
    '/2/files/list_folder/continue': continueListing,
    '/2/files/delete_v2': (call) => remove(rpc(call, ['path', 'parent_rev'])),
    '/2/files/permanently_delete': (call) => remove(rpc(call, ['path', 'parent_rev'])),
  };

  return (call) => {
    if (call.url.pathname === '/oauth2/token') return oauth.token(call);
    if (call.url.pathname === '/authid/refresh') return oauth.authId(call);
    const route = Object.hasOwn(routes, call.url.pathname) ? routes[call.url.pathname] : undefined;
    if (route === undefined || call.method !== 'POST') return { status: 404, body: 'No such page' };
    const problem = oauth.problemOf(call);
    if (problem !== undefined) {
      const tag = problem === 'expired' ? 'expired_access_token' : 'invalid_access_token';
      return { status: 401, body: { error_summary: `${tag}/..`, error: { '.tag': tag } } };
    }
    if ((control.rateLimited ?? 0) > 0) {
      control.rateLimited = (control.rateLimited ?? 0) - 1;
      return {
        status: 429,
        headers: { 'retry-after': String(control.retryAfter ?? 1) },
        body: {
          error_summary: 'too_many_requests/..',
          error: { reason: { '.tag': 'too_many_requests' }, retry_after: control.retryAfter ?? 1 },
        },
      };
    }
    if ((control.outages ?? 0) > 0) {
      control.outages = (control.outages ?? 0) - 1;
      return { status: 503, body: 'Service unavailable' };
    }
    simulator.count(call.url.pathname);
    return route(call);
  };

  function upload(given: Arguments, bytes: Buffer): Answer {
    if (bytes.byteLength > largestUpload) throw conflict('payload_too_large');
    checkHash(given, bytes);
    return commit(given, bytes, (reason) =>
      conflict(`path/${tagOf(reason)}`, { '.tag': 'path', reason, upload_session_id: 'x' }),
    );
  }

  function commit(given: Arguments, bytes: Buffer, failed: (reason: unknown) => Refusal): Answer {
    const path = pathOf(given['path'], failed);
    const mode = given['mode'] ?? 'add';
    if (mode !== 'add' && mode !== 'overwrite') throw badInput(`mode ${JSON.stringify(mode)}`);
    const old = entries.get(keyOf(path));
    const clash = (kind: string): Refusal =>
      failed({ '.tag': 'conflict', conflict: { '.tag': kind } });
    if (old?.tag === 'folder') throw clash('folder');
    for (const parent of parentsOf(path))
      if (entries.get(keyOf(parent))?.tag === 'file') throw clash('file_ancestor');
    const hash = contentHash(bytes);
    if (old !== undefined && mode === 'add') {
      if (given['strict_conflict'] === true || old.hash !== hash) throw clash('file');
      return { status: 200, body: metadata(old, true) };
    }
    if (control.quota !== undefined) {
      const used = entries.values().reduce((sum, { size }) => sum + size, 0) - (old?.size ?? 0);
      if (used + bytes.byteLength > control.quota) throw failed({ '.tag': 'insufficient_space' });
    }
    for (const parent of parentsOf(path)) {
      if (!entries.has(keyOf(parent)))
        entries.set(keyOf(parent), entry('folder', parent, '', undefined, 0));
    }
    const kept = control.damageUploads === true ? damaged(bytes) : bytes;
    const display = old?.display ?? path;
    const created = entry('file', display, contentHash(kept), journal.store(kept), kept.byteLength);
    entries.set(keyOf(path), created);
    return { status: 200, body: metadata(created, true) };
  }

  function entry(
    tag: 'file' | 'folder',
    display: string,
    hash: string,
    stored: string | undefined,
    size: number,
  ): Entry {
    const rev = `5e${(revisions += 1).toString(16).padStart(10, '0')}`;
    const modified = new Date().toISOString().replace(/\.\d+Z$/u, 'Z');
    return { tag, display, rev, size, hash, modified, ...(stored && { content: stored }) };
  }

  function startSession(call: Call): Answer {
    const given = content(call, ['close', 'session_type', 'content_hash']);
    checkHash(given, call.body);
    const id = `session-${sessions.size}-${Date.now()}`;
    sessions.set(id, { bytes: call.body, closed: given['close'] === true });
    return { status: 200, body: { session_id: id } };
  }

  function sessionOf(given: Arguments, wrap: (tag: string, more?: Arguments) => Refusal): Session {
    const cursor = given['cursor'];
    if (typeof cursor !== 'object' || cursor === null) throw badInput('cursor: missing');
    checkFields(cursor as Arguments, ['session_id', 'offset']);
    const { session_id: id, offset } = cursor as Arguments;
    const session = sessions.get(String(id));
    if (session === undefined) throw wrap('not_found');
    if (offset !== session.bytes.byteLength)
      throw wrap('incorrect_offset', { correct_offset: session.bytes.byteLength });
    return session;
  }

  function appendToSession(call: Call): Answer {
    const given = content(call, ['cursor', 'close', 'content_hash']);
    const session = sessionOf(given, (tag, more) => conflict(tag, { '.tag': tag, ...more }));
    if (session.closed) throw conflict('closed');
    checkHash(given, call.body);
    session.bytes = Buffer.concat([session.bytes, call.body]);
    session.closed = given['close'] === true;
    return { status: 200, body: null };
  }

  function finishSession(call: Call): Answer {
    const given = content(call, ['cursor', 'commit', 'content_hash']);
    const session = sessionOf(given, (tag, more) =>
      conflict(`lookup_failed/${tag}`, {
        '.tag': 'lookup_failed',
        lookup_failed: { '.tag': tag, ...more },
      }),
    );
    checkHash(given, call.body);
    const into = given['commit'];
    if (typeof into !== 'object' || into === null) throw badInput('commit: missing');
    checkFields(into as Arguments, uploadFields.slice(0, -1));
    return commit(into as Arguments, Buffer.concat([session.bytes, call.body]), (reason) =>
      conflict(`path/${tagOf(reason)}`, { '.tag': 'path', path: reason }),
    );
  }

  function found(path: unknown, wrapped: string): Entry {
    const refuse = (reason: unknown): Refusal =>
      conflict(`${wrapped}/${tagOf(reason)}`, { '.tag': wrapped, [wrapped]: reason });
    const known = entries.get(keyOf(pathOf(path, refuse)));
    if (known === undefined) throw refuse({ '.tag': 'not_found' });
    return known;
  }

  function download(call: Call): Answer {
    const { path } = content(call, ['path', 'rev'], true);
    const known = found(path, 'path');
    if (known.tag === 'folder')
      throw conflict('path/not_file', { '.tag': 'path', path: { '.tag': 'not_file' } });
    const result = JSON.stringify(metadata(known, false)).replaceAll(
      /[^\x20-\x7e]/gu,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    return rangeAnswer(call, journal.load(known.content ?? ''), { 'dropbox-api-result': result });
  }

  function getMetadata(call: Call): Answer {
    const { path } = rpc(call, ['path', 'include_media_info', 'include_deleted']);
    if (path === '') throw badInput('The root folder is unsupported.');
    return { status: 200, body: metadata(found(path, 'path'), true) };
  }

  function listFolder(call: Call): Answer {
    const given = rpc(call, [
      'path',
      'recursive',
      'limit',
      'include_deleted',
      'include_mounted_folders',
      'include_non_downloadable_files',
    ]);
    const limit = given['limit'] ?? 2000;
    if (typeof limit !== 'number' || limit < 1 || limit > 2000) throw badInput('limit');
    let root = '';
    if (given['path'] !== '') {
      const folder = found(given['path'], 'path');
      if (folder.tag !== 'folder')
        throw conflict('path/not_folder', { '.tag': 'path', path: { '.tag': 'not_folder' } });
      root = keyOf(folder.display);
    }
    const keys = entries
      .entries()
      .map(([key]) => key)
      .filter((key) => key.startsWith(`${root}/`))
      .filter((key) => given['recursive'] === true || !key.slice(root.length + 1).includes('/'));
    // The folder itself comes first in a recursive listing.
    return page(given['recursive'] === true && root !== '' ? [root, ...keys] : keys, limit);
  }

  function continueListing(call: Call): Answer {
    const { cursor } = rpc(call, ['cursor']);
    if (control.expireCursors === true) {
      cursors.clear();
      control.expireCursors = false;
    }
    const rest = cursors.get(String(cursor));
    if (rest === undefined) throw conflict('reset');
    return page(rest.keys, rest.limit);
  }

  function page(keys: string[], wanted: number): Answer {
    const limit = Math.min(wanted, control.pageSize ?? wanted);
    const cursor = `cursor-${cursors.size}-${Date.now()}`;
    cursors.set(cursor, { keys: keys.slice(limit), limit });
    const listed = keys.slice(0, limit).flatMap((key) => {
      const known = entries.get(key);
      return known === undefined
        ? [{ '.tag': 'deleted', name: key, path_lower: key, path_display: key }]
        : [metadata(known, true)];
    });
    return { status: 200, body: { entries: listed, cursor, has_more: keys.length > limit } };
  }

  function remove(given: Arguments): Answer {
    let known = found(given['path'], 'path_lookup');
    if (control.changeBeforeDelete === true) {
      control.changeBeforeDelete = false;
      known = { ...known, rev: `5e${(revisions += 1).toString(16).padStart(10, '0')}` };
      entries.set(keyOf(known.display), known);
    }
    const revision = given['parent_rev'];
    if (revision !== undefined && (known.tag === 'folder' || known.rev !== revision)) {
      throw conflict('path_write/conflict', {
        '.tag': 'path_write',
        path_write: { '.tag': 'conflict', conflict: { '.tag': known.tag } },
      });
    }
    const key = keyOf(known.display);
    for (const [other] of entries.entries())
      if (other === key || other.startsWith(`${key}/`)) entries.delete(other);
    return { status: 200, body: { metadata: metadata(known, true) } };
  }
}

const uploadFields = [
  'path',
  'mode',
  'autorename',
  'client_modified',
  'mute',
  'property_groups',
  'strict_conflict',
  'content_hash',
];

function metadata(known: Entry, tagged: boolean): Readonly<Record<string, unknown>> {
  const common = {
    ...(tagged && { '.tag': known.tag }),
    name: known.display.split('/').at(-1),
    id: `id:${known.rev}`,
    path_lower: keyOf(known.display),
    path_display: known.display,
  };
  if (known.tag === 'folder') return common;
  return {
    ...common,
    client_modified: known.modified,
    server_modified: known.modified,
    rev: known.rev,
    size: known.size,
    content_hash: known.hash,
    is_downloadable: true,
  };
}

/** Arguments of a call with JSON in its body. */
function rpc(call: Call, fields: readonly string[]): Arguments {
  if (call.header('content-type') !== 'application/json')
    throw badInput('Bad HTTP "Content-Type" header');
  const given = JSON.parse(call.body.toString('utf8')) as Arguments;
  checkFields(given, fields);
  return given;
}

/** Arguments of a call whose body is content. */
function content(call: Call, fields: readonly string[], down = false): Arguments {
  const type = call.header('content-type');
  if (
    down ? type !== '' && type !== 'application/octet-stream' : type !== 'application/octet-stream'
  )
    throw badInput(`Bad HTTP "Content-Type" header: "${type}"`);
  const written = call.header('dropbox-api-arg');
  if (/[^\x20-\x7e]/u.test(written)) throw badInput('Dropbox-API-Arg: not ASCII');
  const given = JSON.parse(written) as Arguments;
  checkFields(given, fields);
  return given;
}

function checkFields(given: Arguments, fields: readonly string[]): void {
  for (const name of Object.keys(given))
    if (!fields.includes(name)) throw badInput(`unknown field '${name}'`);
}

function checkHash(given: Arguments, bytes: Buffer): void {
  const wanted = given['content_hash'];
  if (wanted !== undefined && wanted !== contentHash(bytes))
    throw conflict('content_hash_mismatch');
}

function pathOf(written: unknown, failed: (reason: unknown) => Refusal): string {
  if (typeof written !== 'string' || !/^(?:\/(?:.|[\r\n])*)$/u.test(written))
    throw badInput('path: did not match pattern');
  const parts = written.slice(1).split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    throw failed({ '.tag': 'malformed_path' });
  const refused = (part: string): boolean =>
    /[\\\0]|[ .]$|^ |^~\$|^\.~|\p{M}/u.test(part) ||
    /^(?:desktop\.ini|thumbs\.db|\.dropbox(?:\.attr|\.cache)?)$/iu.test(part) ||
    Buffer.byteLength(part) > 255;
  if (parts.some(refused)) throw failed({ '.tag': 'disallowed_name' });
  return written;
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

/** Names that differ by case or normalisation only are the same. */
function keyOf(path: string): string {
  return path.normalize('NFC').toUpperCase().toLowerCase();
}

function contentHash(bytes: Buffer): string {
  const all = createHash('sha256');
  for (let offset = 0; offset < bytes.byteLength; offset += blockSize)
    all.update(
      createHash('sha256')
        .update(bytes.subarray(offset, offset + blockSize))
        .digest(),
    );
  return all.digest('hex');
}

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.byteLength > 0) copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}

function tagOf(reason: unknown): string {
  return (reason as Readonly<Record<string, string>>)['.tag'] ?? '';
}

/** An error that belongs to the call itself. */
function conflict(summary: string, error: Arguments = { '.tag': summary }): Refusal {
  return new Refusal({ status: 409, body: { error_summary: `${summary}/..`, error } });
}

function badInput(text: string): Refusal {
  return new Refusal({ status: 400, body: `Error in call to API function: ${text}` });
}

serveSimulator(dropbox);
